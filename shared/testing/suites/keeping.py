"""What every store promises of its backups; mix in, give it `new_database`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.message import Message

from shared.errors import Malformed, NotNow
from shared.storage import Database, keeping
from shared.testing.facts import a_fact
from shared.testing.party import Party


class KeepingSuite:
    """`new_database` makes empty databases and returns their addresses."""

    @pytest.fixture
    def empty(self, new_database: Callable[[], str]) -> Callable[[], str]:
        return new_database

    @pytest.fixture
    def kind(self) -> type[Message]:
        return a_fact()

    def party(self, url: str, tmp_path: Path) -> Party:
        return Party("kept", url, f"sqlite:///{tmp_path / 'events.db'}")

    def waiting(self, party: Party) -> list[str]:
        outbox = party.database.plumbing.outbox
        with party.database.read() as tx:
            # a table that is written and read at once may be read in another order
            found = tx.connection.execute(outbox.select().order_by(outbox.c.id)).all()
        return [row.event_id for row in found]

    def test_what_was_stored_is_there_after_a_restore_and_work_goes_on(
        self, empty: Callable[[], str], kind: type[Message], tmp_path: Path
    ) -> None:
        old = self.party(empty(), tmp_path).make_tables()
        for number in range(50):
            old.tell(kind, "a", number)
        files = tmp_path / "history"
        files.mkdir()
        (files / "part-1").write_bytes(b"rows")
        url = old.database.engine.url.render_as_string(hide_password=False)
        assert keeping.backup(url, tmp_path / "kept", files=files) > 0
        old.tell(kind, "a", 50)
        before = self.waiting(old)
        old.close()
        assert keeping.verify(tmp_path / "kept")["form"] == 1
        target, place = empty(), tmp_path / "new-history"
        keeping.restore(tmp_path / "kept", target, files=place)
        assert (place / "part-1").read_bytes() == b"rows"
        new = self.party(target, tmp_path)
        assert self.waiting(new) == before[:50]
        new.tell(kind, "a", 51)  # row numbers go on where they were
        assert self.waiting(new)[:50] == before[:50]
        new.close()

    def test_a_backup_taken_under_load_holds_a_whole_beginning_of_what_was_stored(
        self, empty: Callable[[], str], kind: type[Message], tmp_path: Path
    ) -> None:
        party = self.party(empty(), tmp_path).make_tables()
        stop = threading.Event()

        def work() -> None:
            number = 0
            while not stop.is_set():
                party.tell(kind, "a", number)
                number += 1

        thread = threading.Thread(target=work)
        thread.start()
        try:
            while len(self.waiting(party)) < 20:
                continue
            url = party.database.engine.url.render_as_string(hide_password=False)
            keeping.backup(url, tmp_path / "kept")
        finally:
            stop.set()
            thread.join()
        told = self.waiting(party)
        party.close()
        target = empty()
        keeping.restore(tmp_path / "kept", target)
        restored = self.party(target, tmp_path)
        kept = self.waiting(restored)
        restored.close()
        assert len(kept) >= 20
        assert kept == told[: len(kept)]

    def test_a_backup_that_was_touched_is_refused_and_nothing_is_written(
        self, empty: Callable[[], str], kind: type[Message], tmp_path: Path
    ) -> None:
        party = self.party(empty(), tmp_path).make_tables()
        party.tell(kind, "a", 1)
        url = party.database.engine.url.render_as_string(hide_password=False)
        keeping.backup(url, tmp_path / "kept")
        party.close()
        whole = (tmp_path / "kept" / "database").read_bytes()
        (tmp_path / "kept" / "database").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        target = empty()
        with pytest.raises(Malformed, match=r"database is not as it was written"):
            keeping.restore(tmp_path / "kept", target)
        (tmp_path / "kept" / "database").write_bytes(whole)
        (tmp_path / "kept" / "stowaway").write_text("x")
        with pytest.raises(Malformed, match="stowaway is not listed"):
            keeping.restore(tmp_path / "kept", target)
        (tmp_path / "kept" / "stowaway").unlink()
        keeping.restore(tmp_path / "kept", target)

    def test_a_restore_overwrites_nothing(self, empty: Callable[[], str], tmp_path: Path) -> None:
        party = self.party(empty(), tmp_path).make_tables()
        url = party.database.engine.url.render_as_string(hide_password=False)
        keeping.backup(url, tmp_path / "kept")
        party.close()
        with pytest.raises(NotNow, match="NOT_EMPTY"):
            keeping.restore(tmp_path / "kept", url)
        with pytest.raises(NotNow, match="BACKUP_THERE"):
            keeping.backup(url, tmp_path / "kept")

    def test_work_that_changes_the_files_is_kept_from_running_meanwhile(
        self, empty: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping, "TURN_WAIT_S", 0.3)
        party = self.party(empty(), tmp_path).make_tables()
        url = party.database.engine.url.render_as_string(hide_password=False)
        working = Database.open(url)
        turn = working.try_turn("forecast-runs")
        assert turn is not None
        with pytest.raises(NotNow, match="TURN_TAKEN"):
            keeping.backup(url, tmp_path / "kept", turn="forecast-runs")
        turn.release()
        keeping.backup(url, tmp_path / "kept", turn="forecast-runs")
        again = working.try_turn("forecast-runs")
        assert again is not None
        again.release()
        working.close()
        party.close()
