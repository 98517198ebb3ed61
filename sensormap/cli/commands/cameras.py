"""`sensormap cameras`: the camera profiles."""

from __future__ import annotations

import reprlib
from pathlib import Path

import click

from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile, search_profiles
from sensormap.cli.options import complete_profiles, examples, profile_option
from sensormap.errors import ProfileError
from sensormap.report.table import Table
from sensormap.report.words import cfa_text


@click.group("cameras", epilog=examples("sensormap cameras list"))
def cameras_command() -> None:
    """List, show and check camera profiles."""


@cameras_command.command("list", epilog=examples("sensormap cameras list", "sensormap cameras list nikon"))
@click.argument("words", metavar="[WORD]...", nargs=-1)
def list_command(words: tuple[str, ...]) -> None:
    """List the profiles that come with sensormap.

    With words, only those whose name, make or model has each of them. No photo has confirmed the unverified ones yet.
    """
    found = search_profiles(words)
    if not found:
        msg = f"no profile of {reprlib.repr(' '.join(words))}; `sensormap cameras list` shows all"
        raise ProfileError(msg)
    rows = tuple(
        (one.name, one.model, _size(one.raw_size), _size(one.jpeg_size), cfa_text(one.cfa), _state(one))
        for one in found
    )
    header = ("name", "EXIF model", "raw size", "JPEG size", "CFA", "")
    # A line for each profile however narrow: their names tell the models too.
    _print(Table("", header, rows, spare=("EXIF model", "CFA", "JPEG size", "raw size")))


@cameras_command.command("show", epilog=examples("sensormap cameras show nikon-d80"))
@click.argument("profile", metavar="NAME|FILE", shell_complete=complete_profiles)
def show_profile_command(profile: str) -> None:
    """Show one profile, by name or file."""
    _print(Table("", ("", ""), _facts(get_profile(profile))))


@cameras_command.command(
    "align",
    short_help="Measure where on the raw grid JPEGs lie.",
    epilog=examples("sensormap cameras align DSC_0001.NEF DSC_0001.JPG"),
)
@click.argument("raw", metavar="RAW", type=click.Path(path_type=Path, readable=False))
@click.argument("jpeg", metavar="JPEG", type=click.Path(path_type=Path, readable=False))
@profile_option
def align_command(raw: Path, jpeg: Path, *, profile: str | None) -> None:
    """Measure where on the raw grid the camera's JPEGs lie, to the photosite.

    RAW is a raw file of any camera, JPEG the full-size JPEG that the camera itself stored of the same shot, of a scene
    with fine detail. If the profile's jpeg_crop differs, the exit code is 1.
    """
    from sensormap.alignment.crop import (  # noqa: PLC0415 - decoders take a second
        align_jpeg,
        crop_lines,
        require_agreement,
    )
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415
    from sensormap.report.words import plain  # noqa: PLC0415

    with native_stderr_silenced():
        check = align_jpeg(raw, jpeg, profile=profile)
    for line in crop_lines(check):
        click.echo(plain(line))
    require_agreement(check)


@cameras_command.command("check", epilog=examples("sensormap cameras check ~/Pictures -o profiles/"))
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder to write corrected profiles into."
)
@click.option("--overwrite", is_flag=True, help="Replace profiles that lie in that folder.")
def check_command(photos: tuple[str, ...], *, output: Path | None, overwrite: bool) -> None:
    """Check profiles on your own photos, and write corrected ones.

    PHOTOS are files or folders with raw photos and the full-size JPEGs that the camera stored of the same shots. At
    most five pairs of each model are measured. With -o, a profile that the photos confirm or correct is written, for
    --profile. Without, the exit code is 1 if they contradict one.
    """
    from sensormap.alignment.check import check_lines, check_profiles, write_profiles  # noqa: PLC0415 - decoders take a second
    from sensormap.decode.quiet import native_stderr_silenced  # noqa: PLC0415
    from sensormap.report.words import plain  # noqa: PLC0415

    with native_stderr_silenced():
        checks = check_profiles(photos)
    for check in checks:
        for line in check_lines(check):
            click.echo(plain(line))
    if output is not None:
        for path in write_profiles(checks, output, overwrite=overwrite):
            click.echo(f"{plain(str(path))} written")
        return
    wrong = [check.profile.name for check in checks if check.profile and check.contradictions]
    if wrong:
        msg = f"{', '.join(wrong)}: not what the photos show; `-o FOLDER` writes corrected profiles for --profile"
        raise ProfileError(msg)


def _facts(profile: Profile) -> tuple[tuple[str, str], ...]:
    """Return a profile's numbers, one label and text a row."""
    black, suppression = profile.black_level, profile.suppression_from_s
    facts = (
        ("name", profile.name),
        ("make", profile.make),
        ("model", profile.model),
        ("raw size", f"{profile.raw_size[0]} x {profile.raw_size[1]}"),
        ("active area", _rect(profile.active_area)),
        ("JPEG crop", _rect(profile.jpeg_crop) if profile.jpeg_crop else "unknown"),
        ("CFA", f"{profile.cfa.name}, from raw-grid (0, 0)"),
        ("black level", "measured by LibRaw" if black is None else ", ".join(map(str, black)) + " DN"),
        ("saturation", f"{profile.saturation} DN"),
        ("bits", str(profile.bits)),
        ("filters in camera", "unknown" if suppression is None else f"from {suppression:g} s"),
        ("unverified", "" if profile.verified else "no photo has confirmed it; one that contradicts it is believed"),
    )
    return tuple((label, text) for label, text in facts if text)


def _size(size: tuple[int, int] | None) -> str:
    return f"{size[0]} x {size[1]}" if size else ""


def _state(profile: Profile) -> str:
    return "" if profile.verified else "unverified"


def _rect(rect: Rect) -> str:
    return f"{rect.width} x {rect.height} at x = {rect.x}, y = {rect.y}"


def _print(table: Table) -> None:
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_table  # noqa: PLC0415

    print_table(table, Console())
