"""Find the defective photosites of a camera sensor from a folder of ordinary photos.

The packages, in the order in which a photo passes through them:

    camera      what is known of a camera before a photo is opened
    photos      files, folders and patterns to the photos of one body, or of each; no pixel is decoded
    decode      a photo to a frame: its mosaic on the raw grid, black subtracted
    score       a frame to its noise and scores; whether it is a photo, and counts
    detect      scores of many frames to candidates and lines
    diagnose    a candidate's values in all frames to its kind, strengths and onset
    shards      photos to shards; what was found in each to its sum
    assemble    the evidence of a run to a defect map
    survey      the run: photos in, a defect map out; drives all above

and what is done with a map:

    maps        the map: a value, a file, compared, merged, as coordinates
    correct     photos and a map to repaired photos
    formats     maps to and from other programs' lists
    integrations  scripts by which other programs call sensormap
    history     maps of one or many bodies to their defects over the years
    evaluation  photos to how well the survey does on them
    variance    photos to mean and variance of every photosite
    alignment   a raw file and its JPEG to where the JPEG lies on the raw grid
    report      results to tables
    plots       results to pictures
    cli         the command line

The names that `sensormap` itself has are the library: each command of the command line is a function of it.

>>> from sensormap import correct_photos, map_defects, write_map
>>> sensor_map = map_defects(["~/Pictures/d80"])  # doctest: +SKIP
>>> write_map(sensor_map, "d80.yaml")  # doctest: +SKIP
>>> correct_photos(["~/Pictures/d80"], sensor_map, "fixed")  # doctest: +SKIP
"""

_stub: list = []  # what lazy_loader makes of the names, once they are asked for


# The names stand in __init__.pyi, each once, for people, type checkers and this alike. Each is imported when it is
# first used: compiled code takes a second that a reader of maps never needs. lazy_loader itself takes as long as the
# start of Python, in which Ctrl-C cannot be answered in one line; so a command does without it.
def __getattr__(name: str) -> object:
    if not _stub:
        from lazy_loader import attach_stub  # noqa: PLC0415

        _stub.extend(attach_stub(__name__, __file__))
    get, _, names = _stub
    return names if name == "__all__" else get(name)


def __dir__() -> list[str]:
    return [*__getattr__("__all__")]
