"""The kept classes are used where they are, and never in the way."""

from __future__ import annotations

from pathlib import Path

from shared.testing.java import class_cache, java_command

JARS = "a.jar:b.jar"


def cached(command: list[str]) -> list[str]:
    return [word for word in command if word.startswith("-XX:AOTCache=")]


def test_classes_are_read_from_the_cache_once_it_is_there(tmp_path: Path) -> None:
    assert cached(java_command(JARS, folder=tmp_path)) == []
    cache = class_cache(JARS, tmp_path)
    cache.touch()
    assert cached(java_command(JARS, folder=tmp_path)) == [f"-XX:AOTCache={cache}"]


def test_a_start_with_options_of_its_own_and_other_jars_do_without(tmp_path: Path) -> None:
    class_cache(JARS, tmp_path).touch()
    assert cached(java_command(JARS, "-XX:AOTCacheOutput=new.aot", folder=tmp_path)) == []
    assert cached(java_command("c.jar", folder=tmp_path)) == []
