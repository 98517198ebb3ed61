// What the page does beyond being read: the sensor zooms, the table sorts and filters, both show the same entries. All
// text reaches the page by textContent, never as markup. Nothing is loaded, nothing is sent, nothing is kept.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  /** Unpacks data that the page carries, as text. */
  async function unpacked(id) {
    const bytes = Uint8Array.from(atob(byId(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return await new Response(stream).text();
  }

  /** What is chosen and shown; indices are of entries, the strongest first. */
  const state = { shown: [], dimmed: new Uint8Array(0), chosen: -1, line: -1, page: 0, sort: -1, down: false };
  let data, canvas, view;
  const PAGE = 50, NEAR = 12, MOST_SHAPES = 5000;

  // ---- which entries are shown, and which of them would show in a photo

  /** Whether an entry stands out at an exposure: as `maps/visible.py` has it. */
  function stands(excess, shutter, iso) {
    if (!excess) return true;
    const noise = data.noise, gain = iso / noise.iso;
    const sigma = (level) => Math.sqrt((noise.read * gain) ** 2 + level * gain * noise.perElectron);
    for (let i = 0; i < excess.length; i += 3) {
      if (gain * (excess[i] * shutter + excess[i + 1]) > noise.sigmas * sigma(noise.shadow)) return true;
      if (excess[i + 2] * noise.grey > noise.sigmas * sigma(noise.grey)) return true;
    }
    return false;
  }

  function exposure() {
    const form = byId("controls");
    if (!form.shutter) return null;
    return { shutter: data.shutters[form.shutter.value], iso: data.isos[form.iso.value], dims: form.dim.checked };
  }

  function choose() {
    const form = byId("controls"), count = data.x.length;
    const kinds = new Set([...form.querySelectorAll("input[name=kind]")].filter((box) => box.checked).map((box) => +box.value));
    const plane = form.plane ? form.plane.value : "", sure = +form.certainty.value, since = form.since ? form.since.value : "";
    const touching = form.cluster ? form.cluster.checked : false, at = exposure();
    const shown = [], dimmed = new Uint8Array(count);
    let showing = 0;
    for (let i = 0; i < count; i++) {
      if (!kinds.has(data.kind[i]) || (plane && data.planes[data.plane[i]] !== plane) || data.confidence[i] < sure) continue;
      if ((since && !(data.since[i] >= since)) || (touching && !data.cluster[i])) continue;
      shown.push(i);
      const stood = !at || stands(data.excess[i], at.shutter, at.iso);
      showing += stood;
      dimmed[i] = at && at.dims && !stood ? 1 : 0;
    }
    state.shown = shown;
    state.dimmed = dimmed;
    state.page = 0;
    let text = shown.length === count ? `${count} defects` : `${shown.length} of ${count} defects`;
    if (at) {
      byId("shutter-text").textContent = shutterText(at.shutter);
      byId("iso-text").textContent = `ISO ${at.iso}`;
      form.shutter.setAttribute("aria-valuetext", shutterText(at.shutter));
      form.iso.setAttribute("aria-valuetext", `ISO ${at.iso}`);
      if (at.dims) text += `; ${showing} show at ${shutterText(at.shutter)}, ISO ${at.iso}`;
    }
    byId("count").textContent = text;
    findClusters();
    arrange();
    draw();
  }

  function shutterText(seconds) {
    return seconds < 0.26 ? `1/${Math.round(1 / seconds)} s` : `${seconds} s`;
  }

  // ---- the table

  function arrange() {
    if (state.sort >= 0) {
      const column = data.columns[state.sort], keys = column.keys || column.texts, sign = state.down ? -1 : 1;
      state.shown.sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b));
    } else {
      state.shown.sort((a, b) => a - b);
    }
    list();
  }

  function list() {
    const body = byId("entries").tBodies[0], first = state.page * PAGE, rows = state.shown.slice(first, first + PAGE);
    body.replaceChildren(...rows.map(row));
    const last = first + rows.length, total = state.shown.length;
    byId("page").textContent = total ? `${first + 1} to ${last} of ${total}` : "None";
    byId("previous").disabled = !first;
    byId("next").disabled = last >= total;
  }

  function row(index) {
    const made = make("tr");
    data.columns.forEach((column, i) => {
      const cell = make("td", i ? column.texts[index] : undefined, column.right ? "right" : "");
      if (!i) {
        const button = make("button", column.texts[index], "pick");
        button.type = "button";
        button.setAttribute("aria-label", `Show the ${title(index)}`);
        cell.append(button);
      }
      if (column.name === "kind") cell.className = `kind k-${data.kinds[data.kind[index]]}`;
      made.append(cell);
    });
    made.dataset.entry = index;
    if (state.dimmed[index]) made.classList.add("dim");
    if (index === state.chosen) made.setAttribute("aria-selected", "true");
    return made;
  }

  function sortable(head) {
    head.replaceChildren(...data.columns.map((column, i) => {
      const cell = make("th", undefined, column.right ? "right" : ""), button = make("button", column.name);
      cell.scope = "col";
      button.type = "button";
      button.addEventListener("click", () => {
        // The first click puts the largest numbers on top, and texts in the order of the alphabet.
        const numbers = column.keys !== null && typeof column.keys[0] === "number" && !/^(x|y|.* x, y)$/.test(column.name);
        state.down = state.sort === i ? !state.down : numbers;
        state.sort = i;
        state.page = 0;
        for (const other of head.children) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
        arrange();
      });
      cell.append(button);
      return cell;
    }));
  }

  function title(index) {
    const of = (name) => data.columns.find((column) => column.name === name);
    return `${of("kind").texts[index]} at x ${data.x[index]}, y ${data.y[index]}`;
  }

  function summary(index) {
    const skipped = new Set(["x", "y", "kind", "raw x, y"]);
    return data.columns.filter((column) => !skipped.has(column.name)).map((column) => [column.name, column.texts[index]]);
  }

  // ---- what is chosen

  function pick(index, options = {}) {
    state.chosen = index;
    state.line = -1;
    const cards = byId("cards"), chosen = byId("chosen");
    for (const card of cards.children) card.hidden = card.id !== `entry-${index}`;
    const known = data.cards.includes(index);
    chosen.hidden = known || index < 0;
    if (!known && index >= 0) describe(title(index), summary(index), "Pictures are kept of the strongest defects, and of the strongest of each kind.");
    const place = state.shown.indexOf(index);
    if (place >= 0 && Math.floor(place / PAGE) !== state.page) state.page = Math.floor(place / PAGE);
    list();
    if (options.centre && index >= 0) view.centre(data.x[index] + 0.5, data.y[index] + 0.5);
    draw();
  }

  function pickLine(number) {
    state.chosen = -1;
    state.line = number;
    for (const card of byId("cards").children) card.hidden = true;
    byId("chosen").hidden = false;
    describe(data.lines[number].title, data.lines[number].facts, "");
    list();
    draw();
  }

  function describe(heading, facts, note) {
    const list_ = make("dl");
    for (const [name, text] of facts) {
      const one = make("div");
      one.append(make("dt", name[0].toUpperCase() + name.slice(1)), make("dd", text));
      list_.append(one);
    }
    byId("chosen").replaceChildren(make("h3", heading), list_, make("p", note, "note"));
  }

  // ---- the sensor: photosites to places on the screen

  function makeView() {
    const [width, height] = data.size;
    const made = { x: width / 2, y: height / 2, scale: 1, least: 1 };
    made.fit = () => {
      made.least = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) * 0.98;
      made.x = width / 2;
      made.y = height / 2;
      made.scale = made.least;
    };
    made.place = (x, y) => [
      (x - made.x) * made.scale + canvas.clientWidth / 2, (y - made.y) * made.scale + canvas.clientHeight / 2,
    ];
    made.photosite = (left, top) => [
      (left - canvas.clientWidth / 2) / made.scale + made.x, (top - canvas.clientHeight / 2) / made.scale + made.y,
    ];
    made.bound = () => {
      made.scale = Math.min(Math.max(made.scale, made.least), 64);
      const across = Math.max(width / 2 - canvas.clientWidth / 2 / made.scale, 0);
      const down = Math.max(height / 2 - canvas.clientHeight / 2 / made.scale, 0);
      made.x = Math.min(Math.max(made.x, width / 2 - across), width / 2 + across);
      made.y = Math.min(Math.max(made.y, height / 2 - down), height / 2 + down);
    };
    made.zoom = (factor, left = canvas.clientWidth / 2, top = canvas.clientHeight / 2) => {
      const [x, y] = made.photosite(left, top);
      made.scale = Math.min(Math.max(made.scale * factor, made.least), 64);
      made.x = x - (left - canvas.clientWidth / 2) / made.scale;
      made.y = y - (top - canvas.clientHeight / 2) / made.scale;
      made.bound();
      draw();
    };
    made.move = (right, down) => {
      made.x -= right / made.scale;
      made.y -= down / made.scale;
      made.bound();
      draw();
    };
    made.centre = (x, y) => {
      if (made.scale > made.least * 1.01) {
        made.x = x;
        made.y = y;
        made.bound();
      }
    };
    return made;
  }

  let waiting = false;
  function draw() {
    if (waiting || !view) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      paint();
    });
  }

  let colours = {};
  function readColours() {
    const style = getComputedStyle(document.documentElement), value = (name) => style.getPropertyValue(name).trim();
    colours = { kinds: data.kinds.map((kind) => value(`--${kind}`)), shapes: data.shapes.map((shape) => new Path2D(shape)) };
    for (const name of ["margin", "area", "line", "ink", "accent"]) colours[name] = value(`--${name}`);
  }

  function paint() {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const box = (x, y, w, h) => {
      const [left, top] = view.place(x, y);
      return [left, top, w * view.scale, h * view.scale];
    };
    pen.fillStyle = colours.margin;
    pen.fillRect(...box(0, 0, ...data.size));
    pen.fillStyle = colours.area;
    pen.fillRect(...box(...data.area));
    grid(pen, width, height);
    data.lines.forEach((line, i) => {
      const [x0, y0, x1, y1] = line.ends, from = view.place(x0 + 0.5, y0 + 0.5), to = view.place(x1 + 0.5, y1 + 0.5);
      pen.strokeStyle = colours.kinds[line.kind];
      pen.lineWidth = Math.max(i === state.line ? 5 : 2.5, view.scale * 0.9);
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(to[0] + 0.1, to[1] + 0.1);
      pen.stroke();
    });
    marks(pen, width, height);
    clusters(pen);
    if (state.chosen >= 0) {
      const [left, top] = view.place(data.x[state.chosen] + 0.5, data.y[state.chosen] + 0.5);
      pen.strokeStyle = colours.accent;
      pen.lineWidth = 2.5;
      pen.beginPath();
      pen.arc(left, top, Math.max(11, view.scale), 0, 7);
      pen.stroke();
    }
  }

  /** The edges of photosites, where they are large enough to be seen. */
  function grid(pen, width, height) {
    if (view.scale < 10) return;
    const [x0, y0] = view.photosite(0, 0), [x1, y1] = view.photosite(width, height);
    pen.strokeStyle = colours.line;
    pen.lineWidth = 0.5;
    pen.beginPath();
    for (let x = Math.max(Math.ceil(x0), 0); x <= Math.min(x1, data.size[0]); x++) {
      const [left] = view.place(x, 0);
      pen.moveTo(left, view.place(0, Math.max(y0, 0))[1]);
      pen.lineTo(left, view.place(0, Math.min(y1, data.size[1]))[1]);
    }
    for (let y = Math.max(Math.ceil(y0), 0); y <= Math.min(y1, data.size[1]); y++) {
      const [, top] = view.place(0, y);
      pen.moveTo(view.place(Math.max(x0, 0), 0)[0], top);
      pen.lineTo(view.place(Math.min(x1, data.size[0]), 0)[0], top);
    }
    pen.stroke();
  }

  function marks(pen, width, height) {
    const visible = [];
    for (const index of state.shown) {
      const [left, top] = view.place(data.x[index] + 0.5, data.y[index] + 0.5);
      if (left > -20 && top > -20 && left < width + 20 && top < height + 20) visible.push([index, left, top]);
    }
    visible.sort((a, b) => b[0] - a[0]); // the strongest on top
    const many = visible.length > MOST_SHAPES, size = visible.length > 800 ? 0.8 : width < 500 ? 0.8 : 1.05;
    for (const [index, left, top] of visible) {
      pen.globalAlpha = state.dimmed[index] ? 0.16 : 1;
      pen.fillStyle = colours.kinds[data.kind[index]];
      if (many) {
        pen.fillRect(left - 1.5, top - 1.5, 3, 3);
        continue;
      }
      const grown = size * Math.max(1, view.scale / 12);
      pen.save();
      pen.translate(left, top);
      pen.scale(grown, grown);
      pen.fill(colours.shapes[data.kind[index]]);
      pen.restore();
    }
    pen.globalAlpha = 1;
  }

  let boxes = [];
  function findClusters() {
    const found = new Map();
    state.shown.forEach((i) => {
      const number = data.cluster[i];
      if (!number) return;
      const box = found.get(number) || [Infinity, Infinity, -Infinity, -Infinity];
      const [x, y] = [data.x[i], data.y[i]];
      found.set(number, [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)]);
    });
    boxes = [...found.values()];
  }

  function clusters(pen) {
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1;
    pen.setLineDash([3, 2]);
    for (const [x0, y0, x1, y1] of boxes) {
      const [left, top] = view.place(x0, y0), [right, bottom] = view.place(x1 + 1, y1 + 1);
      pen.strokeRect(left - 7, top - 7, right - left + 14, bottom - top + 14);
    }
    pen.setLineDash([]);
  }

  /** The entry under a place on the screen: [index, -1], [-1, number of a line], or [-1, -1]. */
  function under(left, top) {
    let best = -1, least = NEAR ** 2;
    for (const index of state.shown) {
      const [x, y] = view.place(data.x[index] + 0.5, data.y[index] + 0.5);
      const away = (x - left) ** 2 + (y - top) ** 2;
      if (away < least || (away === least && index < best)) [best, least] = [index, away];
    }
    if (best >= 0) return [best, -1];
    const line = data.lines.findIndex(({ ends: [x0, y0, x1, y1] }) => {
      const [a, b] = view.place(x0 + 0.5, y0 + 0.5), [c, d] = view.place(x1 + 0.5, y1 + 0.5);
      return left > a - 6 && left < c + 6 && top > b - 6 && top < d + 6;
    });
    return [-1, line];
  }

  function hover(event) {
    const tip = byId("tip"), box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top], [index, line] = under(left, top);
    canvas.classList.toggle("over", index >= 0 || line >= 0);
    tip.hidden = index < 0 && line < 0;
    if (tip.hidden) return;
    const facts = index >= 0 ? summary(index) : data.lines[line].facts;
    const heading = index >= 0 ? title(index) : data.lines[line].title;
    tip.replaceChildren(make("b", heading), ...facts.map(([name, text]) => make("span", `${name} ${text}`)));
    tip.style.left = `${Math.max(Math.min(left + 14, box.width - tip.offsetWidth - 4), 4)}px`;
    tip.style.top = `${top + 18 + tip.offsetHeight > box.height ? Math.max(top - tip.offsetHeight - 12, 4) : top + 18}px`;
  }

  function listen() {
    const fingers = new Map();
    let moved = 0, apart = 0;
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
      if (fingers.size === 1) moved = 0;
      if (fingers.size === 2) apart = spread();
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return hover(event);
      fingers.set(event.pointerId, event);
      if (fingers.size === 2) {
        const now = spread(), box = canvas.getBoundingClientRect(), [a, b] = [...fingers.values()];
        view.zoom(now / Math.max(apart, 1), (a.clientX + b.clientX) / 2 - box.left, (a.clientY + b.clientY) / 2 - box.top);
        apart = now;
        moved = Infinity;
        return;
      }
      const [right, down] = [event.clientX - before.clientX, event.clientY - before.clientY];
      moved += Math.abs(right) + Math.abs(down);
      if (moved > 4) view.move(right, down);
    });
    const up = (event) => {
      if (!fingers.delete(event.pointerId) || event.type === "pointercancel" || fingers.size || moved > 4) return;
      const box = canvas.getBoundingClientRect(), [index, line] = under(event.clientX - box.left, event.clientY - box.top);
      if (index >= 0) pick(index);
      else if (line >= 0) pickLine(line);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
    canvas.addEventListener("wheel", (event) => {
      const box = canvas.getBoundingClientRect();
      event.preventDefault();
      view.zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      const box = canvas.getBoundingClientRect();
      view.zoom(2.5, event.clientX - box.left, event.clientY - box.top);
    });
    const step = (by) => {
      const place = state.shown.indexOf(state.chosen), total = state.shown.length;
      if (total) pick(state.shown[place < 0 ? 0 : (place + by + total) % total], { centre: true });
    };
    const keys = {
      ArrowLeft: () => view.move(60, 0), ArrowRight: () => view.move(-60, 0), ArrowUp: () => view.move(0, 60),
      ArrowDown: () => view.move(0, -60), "+": () => view.zoom(1.6), "=": () => view.zoom(1.6),
      "-": () => view.zoom(1 / 1.6), 0: () => whole(), n: () => step(1), p: () => step(-1),
    };
    canvas.addEventListener("keydown", (event) => {
      const act = !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    const whole = () => { view.fit(); draw(); };
    byId("zoom-in").addEventListener("click", () => view.zoom(1.6));
    byId("zoom-out").addEventListener("click", () => view.zoom(1 / 1.6));
    byId("zoom-all").addEventListener("click", whole);
  }

  function resized() {
    const [width, height] = data.size, whole = view && view.scale <= view.least * 1.01;
    const across = canvas.parentElement.clientWidth;
    canvas.style.height = `${Math.round(Math.min(Math.max((across * height) / width, 160), Math.max(window.innerHeight * 0.8, 300)))}px`;
    if (!view) view = makeView();
    if (whole || view.scale === 1) view.fit();
    view.bound();
    draw();
  }

  async function download() {
    const button = byId("download"), link = make("a");
    link.href = URL.createObjectURL(new Blob([await unpacked("map-data")], { type: "application/yaml" }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function start() {
    data = JSON.parse(await unpacked("entries-data"));
    for (const column of data.columns) column.texts ??= column.keys.map(String);
    document.documentElement.classList.add("js");
    for (const one of document.querySelectorAll(".script")) one.hidden = false;
    canvas = byId("sensor");
    readColours();
    resized();
    listen();
    if (data.x.length) {
      const form = byId("controls");
      form.addEventListener("input", (event) => {
        if (event.target.type === "range") form.dim.checked = true;
        choose();
      });
      form.addEventListener("reset", () => setTimeout(choose));
      form.addEventListener("submit", (event) => event.preventDefault());
      byId("previous").addEventListener("click", () => { state.page--; list(); });
      byId("next").addEventListener("click", () => { state.page++; list(); });
      byId("entries").tBodies[0].addEventListener("click", (event) => {
        const at = event.target.closest("tr");
        if (at) pick(+at.dataset.entry, { centre: true });
      });
      byId("entries-title").textContent = "Defects";
      sortable(byId("entries").tHead.rows[0]);
      choose();
      pick(0);
    } else if (data.lines.length) {
      draw();
    }
    if (byId("download")) byId("download").addEventListener("click", download);
    window.addEventListener("resize", resized);
    for (const query of ["(prefers-color-scheme: dark)", "print"]) {
      window.matchMedia(query).addEventListener("change", () => { readColours(); draw(); });
    }
    document.documentElement.dataset.ready = Math.round(performance.now());
  }

  // A browser too old to unpack the data shows what one without script does: everything but the controls.
  if (typeof DecompressionStream === "function") start();
})();
