--[[
sensormap for darktable: repaired copies of the selected photos, grouped with their originals.

Written by `sensormap integrations darktable --install`, which also adds the line
  require "sensormap"
to darktable's luarc. Restart darktable, and choose the defect map of your camera in the preferences, page "Lua options".
The button is then in the module "actions on selection" of the lighttable, and can get a shortcut.

Copies go into the folder "sensormap" beside the photos. The photos themselves are never changed. Needs darktable 4.0 or
newer, on Linux or macOS.
]]

local dt = require "darktable"

local NAME = "sensormap"
local DEFAULT_COMMAND = "sensormap"
local FOLDER = "sensormap" -- of the copies, beside the photos
local AT_ONCE = 40 -- photos of one call: a command line has room for some thousands
local MOST_SHOWN = 3 -- lines of what went wrong, on the screen; all of them go to darktable's log

local M = {}

-- A word for the shell, whatever is in it: within single quotes nothing is special but the quote itself.
function M.quoted(word)
  return "'" .. (word:gsub("'", "'\\''")) .. "'"
end

local function path_of(image)
  return image.path .. "/" .. image.filename
end

-- The command that corrects some photos of one folder, and writes which copies it made to a file. "--" ends the options:
-- names may begin with a dash.
function M.command_line(settings, paths, folder, made, log)
  local words = { M.quoted(settings.command), "correct", "-q", "--print0", "-o", M.quoted(folder) }
  if settings.replace then
    table.insert(words, "--overwrite")
  end
  if settings.dng then
    table.insert(words, "--dng")
  end
  table.insert(words, "--")
  table.insert(words, M.quoted(settings.map))
  for _, path in ipairs(paths) do
    table.insert(words, M.quoted(path))
  end
  return table.concat(words, " ") .. " >" .. M.quoted(made) .. " 2>" .. M.quoted(log) .. " </dev/null"
end

-- The copies that sensormap made of photos of one folder, by the name of the photo: it says the paths of both, each
-- ended by a zero byte.
function M.copies(said)
  local found, photo = {}, nil
  for path in said:gmatch("([^%z]+)%z") do
    if photo then
      found[photo:match("[^/]*$")], photo = path, nil
    else
      photo = path
    end
  end
  return found
end

local function content_of(path)
  local file = io.open(path, "rb")
  local content = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return content
end

local function lines_of(path)
  local found = {}
  local file = io.open(path, "r")
  if file then
    for line in file:lines() do
      table.insert(found, line)
    end
    file:close()
  end
  return found
end

local function settings_of()
  return {
    command = dt.preferences.read(NAME, "command", "string"),
    map = dt.preferences.read(NAME, "map", "file"),
    dng = dt.preferences.read(NAME, "dng", "bool"),
    replace = dt.preferences.read(NAME, "replace", "bool"),
  }
end

-- Images by folder, each file once: a photo can have several edits, of which the first stands for it.
local function by_folder(images)
  local folders, order, seen = {}, {}, {}
  for _, image in ipairs(images) do
    local path = path_of(image)
    if not seen[path] then
      seen[path] = true
      if not folders[image.path] then
        folders[image.path] = {}
        table.insert(order, image.path)
      end
      table.insert(folders[image.path], image)
    end
  end
  return folders, order
end

-- Correct some photos of one folder, import their copies, and group each with its original.
local function correct_some(images, folder, settings, said)
  local paths = {}
  for _, image in ipairs(images) do
    table.insert(paths, path_of(image))
  end
  local made, log = os.tmpname(), os.tmpname()
  local status = dt.control.execute(M.command_line(settings, paths, folder, made, log))
  for _, line in ipairs(lines_of(log)) do
    dt.print_error(NAME .. ": " .. line)
    table.insert(said, line)
  end
  local copies = M.copies(content_of(made))
  os.remove(made)
  os.remove(log)
  local done = 0
  for _, image in ipairs(images) do
    local path = copies[image.filename]
    local copy = path and dt.database.import(path)
    if copy then
      if settings.replace then
        copy:drop_cache() -- of its thumbnails, which show the copy as it was
      end
      copy:group_with(image)
      done = done + 1
    end
  end
  return done, status
end

-- Correct photos. Returns how many copies were made, and what sensormap said on stderr.
function M.correct(images)
  local settings, said = settings_of(), {}
  if package.config:sub(1, 1) ~= "/" then
    dt.print("sensormap: this script is for Linux and macOS")
    return 0, said
  end
  if settings.map == nil or settings.map == "" then
    dt.print("sensormap: choose the defect map of your camera in the preferences, Lua options")
    return 0, said
  end
  if #images == 0 then
    dt.print("sensormap: no photo is selected")
    return 0, said
  end
  local folders, order = by_folder(images)
  local total, tried, done, failed = #images, 0, 0, false
  local ended = false
  local job = dt.gui and dt.gui.create_job("sensormap: correcting photos", true, function(job)
    ended = true
    job.valid = false
  end)
  for _, path in ipairs(order) do
    local some = {}
    for index, image in ipairs(folders[path]) do
      table.insert(some, image)
      if (#some == AT_ONCE or index == #folders[path]) and not ended and not dt.control.ending then
        local count, status = correct_some(some, path .. "/" .. FOLDER, settings, said)
        done, failed, tried = done + count, failed or status ~= 0, tried + #some
        some = {}
        if job and job.valid then
          job.percent = math.min(tried / total, 1)
        end
      end
    end
  end
  if job and job.valid then
    job.valid = false
  end
  local text = string.format("sensormap: %d of %d photos got a corrected copy", done, tried)
  if failed then
    for index, line in ipairs(said) do
      if index <= MOST_SHOWN then
        text = text .. "\n" .. line
      end
    end
    if #said == 0 then
      text = text .. "\nthe command " .. settings.command .. " did not run"
    end
  end
  dt.print(text)
  return done, said
end

function M.destroy()
  dt.gui.libs.image.destroy_action(NAME)
  dt.destroy_event(NAME, "shortcut")
end

dt.preferences.register(NAME, "map", "file", "sensormap: defect map", "written by sensormap map", "")
dt.preferences.register(NAME, "command", "string", "sensormap: command", "the program sensormap", DEFAULT_COMMAND)
dt.preferences.register(NAME, "dng", "bool", "sensormap: write DNGs", "NEFs become DNGs too", false)
dt.preferences.register(
  NAME, "replace", "bool", "sensormap: replace earlier copies", "copies that were corrected before are made anew", false
)
if dt.gui then
  dt.gui.libs.image.register_action(NAME, "correct sensor defects", function(_, images)
    M.correct(images)
  end, "write copies without the sensor's defects into the folder sensormap, and group them with their originals")
  dt.register_event(NAME, "shortcut", function()
    M.correct(dt.gui.selection())
  end, "sensormap: correct sensor defects")
end

return M
