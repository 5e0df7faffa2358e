from __future__ import annotations

import chart
import pytest
import results
import run


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Folders in place of those of the project."""
    folders = tmp_path / "results", tmp_path / "images"
    for name, folder in zip(("PUBLISHED", "IMAGES"), folders, strict=True):
        folder.mkdir()
        monkeypatch.setattr(run, name, folder)
    return folders


def test_a_run_leaves_a_table_its_data_and_two_charts(made_up, tmp_path):
    run.save(made_up, tmp_path / "new")
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"results.txt", "results.json", chart.LIGHT, chart.DARK}
    assert results.read(tmp_path / "new" / "results.json") == made_up


def test_publishing_copies_the_last_results_to_where_the_documentation_has_them(made_up, tmp_path, published):
    run.save(made_up, tmp_path)
    assert run.main(["--publish", "--output", str(tmp_path)]) == 0
    tables, images = published
    assert {path.name for path in tables.iterdir()} == {"results.txt", "results.json"}
    assert {path.name for path in images.iterdir()} == {chart.LIGHT, chart.DARK}


def test_there_may_be_nothing_to_publish(tmp_path, published, capsys):
    assert run.main(["--publish", "--output", str(tmp_path)]) == 2
    assert "measure first" in capsys.readouterr().err
    assert not list(published[0].iterdir())
