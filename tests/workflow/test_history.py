"""The trace of a dossier page by page: what is checked is said, and what does not hold is found there."""

from __future__ import annotations

from sqlalchemy import text

from storage.files import Files
from tests.builders import World
from tests.workflow.journeys import Case, a_case
from workflow.draft import fill_in
from workflow.history import HistoryView, history_of


def a_long_history(world: World, files: Files) -> Case:
    """Return a dossier with some more than two hundred entries."""
    case = a_case(world, files)
    version = world.version(case.dossier)
    for n in range(200):
        version = fill_in(
            world.database,
            world.actor("suong"),
            case.dossier,
            seen_version=version,
            fields={"title": f"Lần {n}"},
        )
    case.act("suong", "submit")
    return case


def read(case: Case, after: int = 0, *, whole: bool = False) -> HistoryView:
    """Return the page the auditor reads."""
    return history_of(case.world.database, case.world.actor("phong"), case.dossier, after=after, whole=whole)


def change_entry(case: Case, position: int) -> None:
    """Do what only somebody who owns the database can: change an entry without its hash."""
    with case.world.database.writing() as tx:
        names = tx.connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        for name in list(names.scalars()):
            tx.connection.execute(text(f'DROP TRIGGER "{name}"'))
        changed = tx.connection.execute(
            text(
                "UPDATE record_entry SET body = replace(body, 'nominator', 'unit_head')"
                " WHERE subject_ref = :ref AND position = :position"
            ),
            {"ref": case.dossier, "position": position},
        )
        assert changed.rowcount == 1


def test_each_page_says_which_entries_it_checked(small_world: World, files: Files) -> None:
    case = a_long_history(small_world, files)
    first, second, third = read(case), read(case, 100), read(case, 200)
    length = first.length
    assert length > 200
    assert [(page.checked_from, page.checked_to) for page in (first, second, third)] == [
        (1, 100),
        (100, 200),
        (200, length),
    ]
    assert {page.broken_at for page in (first, second, third)} == {None}
    assert not any(page.whole for page in (first, second, third))
    whole = read(case, 100, whole=True)
    assert (whole.checked_from, whole.checked_to, whole.whole, whole.broken_at) == (1, length, True, None)


def test_a_changed_entry_is_found_on_its_page_and_by_the_whole_chain(
    small_world: World, files: Files
) -> None:
    case = a_long_history(small_world, files)
    change_entry(case, 150)
    assert [read(case, after).broken_at for after in (0, 100, 200)] == [None, 150, None]
    assert read(case, whole=True).broken_at == 150


def test_the_entry_that_a_page_hangs_on_is_checked_with_it(small_world: World, files: Files) -> None:
    case = a_long_history(small_world, files)
    change_entry(case, 100)
    assert [read(case, after).broken_at for after in (0, 100, 200)] == [100, 100, None]


def test_a_chain_cut_off_at_its_end_is_found_on_its_last_page(small_world: World, files: Files) -> None:
    case = a_long_history(small_world, files)
    length = read(case).length
    with small_world.database.writing() as tx:
        tx.connection.execute(
            text("UPDATE dossier SET chain_length = chain_length + 1 WHERE ref = :ref"), {"ref": case.dossier}
        )
    assert read(case, 200).broken_at == length + 1
    assert read(case, length + 50).broken_at == length + 1
