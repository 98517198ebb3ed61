"""URLs: nothing secret is shown of one, whatever it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormap.urls import is_file_url, is_url, local_path, shown_url, url_name


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com:8080/a@b/c.NEF", "https://example.com:8080/a@b/c.NEF"),
        ("https://me@example.com/c.NEF#part", "https://example.com/c.NEF"),
        ("https://me:sec@ret@example.com/c.NEF", "https://example.com/c.NEF"),
        ("https://me:sec/ret@example.com/c.NEF", "https://..."),
        ("https://example.com?key=secret", "https://example.com"),
        ("HTTPS://me:secret@[::1]:80/c.NEF?secret", "HTTPS://[::1]:80/c.NEF"),
        ("https://[::1]/c.NEF", "https://[::1]/c.NEF"),
        ("s3://bucket/what?.NEF", "s3://bucket/what?.NEF"),
        ("sftp://me:secret@host/c.NEF", "sftp://host/c.NEF"),
        ("s3:/me:secret@bucket/state", "s3://bucket/state"),
        ("photos/a.NEF", "photos/a.NEF"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/d80/", "d80"),
        ("https://example.com/a.NEF?b.jpg", "a.NEF"),
        ("https://example.com/..%2F..%2Fa.NEF", "..%2F..%2Fa.NEF"),
        ("s3://bucket/a%20b.NEF", "a%20b.NEF"),
        ("memory:///a.NEF", "a.NEF"),
    ],
)
def test_the_name_of_a_file(url: str, name: str) -> None:
    assert url_name(url) == name


def test_what_is_a_url() -> None:
    assert [is_url(text) for text in ("s3://b", "C:/photos", "s3:/b", "//server/photos", "")] == [True, *[False] * 4]
    assert is_url(Path("s3://b/state"))
    assert not is_file_url("file://elsewhere/photos")


def test_paths_of_urls_of_this_machine() -> None:
    assert local_path("file:///a%20b/c%25.NEF") == "/a b/c%.NEF"
    assert local_path("file://localhost/a") == "/a"
    assert local_path(Path("a%20b")) == "a%20b"
