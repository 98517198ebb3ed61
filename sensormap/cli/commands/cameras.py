"""`sensormap cameras`: the camera profiles."""

from __future__ import annotations

from pathlib import Path

import click

from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile, list_profiles
from sensormap.cli.options import examples, profile_option
from sensormap.report.table import Table


@click.group("cameras", epilog=examples("sensormap cameras list"))
def cameras_command() -> None:
    """List, show and check camera profiles."""


@cameras_command.command("list", epilog=examples("sensormap cameras list"))
def list_command() -> None:
    """List the profiles that come with sensormap."""
    rows = tuple(
        (profile.name, profile.model, f"{profile.raw_size[0]} x {profile.raw_size[1]}", profile.cfa.name)
        for profile in list_profiles()
    )
    _print(Table("", ("name", "EXIF model", "raw size", "CFA"), rows))


@cameras_command.command("show", epilog=examples("sensormap cameras show nikon-d80"))
@click.argument("profile", metavar="NAME|FILE")
def show_profile_command(profile: str) -> None:
    """Show one profile, by name or file."""
    _print(Table("", ("", ""), _facts(get_profile(profile))))


@cameras_command.command("align", epilog=examples("sensormap cameras align DSC_0001.NEF DSC_0001.JPG"))
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


def _facts(profile: Profile) -> tuple[tuple[str, str], ...]:
    """Return a profile's numbers, one label and text a row."""
    black, suppression = profile.black_level, profile.suppression_from_s
    return (
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
    )


def _rect(rect: Rect) -> str:
    return f"{rect.width} x {rect.height} at x = {rect.x}, y = {rect.y}"


def _print(table: Table) -> None:
    from rich.console import Console  # noqa: PLC0415

    from sensormap.cli.render import print_table  # noqa: PLC0415

    print_table(table, Console())
