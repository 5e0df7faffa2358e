"""The shelf of the upload program: its files, who may download them, and for how long."""

from __future__ import annotations

import os
import time

import httpx
import pytest
import trio
from support.program import Program
from support.uploads import on_shelf, unfinished


async def test_a_file_is_sent_to_be_saved_and_never_shown(client, shelve):
    content = b"<script>alert(1)</script>"
    await shelve('page "<1>".html', content)
    answer = await client.get("/files/page%20%22%3C1%3E%22.html")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment;")
    part = await client.get("/files/page%20%22%3C1%3E%22.html", headers={"range": "bytes=1-6"})
    assert (part.status_code, part.content) == (206, b"script")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", ["other", "%2e%2e", "..%2f..%2fsecret", "%2fetc%2fpasswd", "", "%00"])
async def test_only_files_on_the_shelf_can_be_downloaded_or_deleted(
    module, client, shelve, tmp_path, method, name
):
    (tmp_path / "secret").write_text("secret")
    await shelve("some.bin")
    assert (await client.request(method, f"/files/{name}")).status_code in {400, 404}
    assert (tmp_path / "secret").exists()
    assert list(on_shelf(module)) == ["some.bin"]


async def test_the_list_follows_files_that_come_and_go(module, client, shelve):
    async with client.websocket("/watch") as watcher:
        first = await watcher.expect_json()
        assert (first["files"], first["file_bytes"]) == ([], module.FILE_BYTES)
        assert first["unfinished_seconds"] == module.UNFINISHED_SECONDS
        await watcher.send("nobody listens")
        await shelve("some.bin", b"x" * 1000)
        (file,) = (await watcher.expect_json())["files"]
        assert (file["name"], file["size"]) == ("some.bin", 1000)
        assert file["until"] == pytest.approx(time.time() + module.KEPT_SECONDS, abs=60)
        assert (await client.delete("/files/some.bin")).status_code == 204
        assert (await watcher.expect_json())["files"] == []
        assert (await client.delete("/files/some.bin")).status_code == 404


async def test_old_files_are_removed_but_not_those_on_their_way(module, client, begin):
    async with begin("/slices", "left.bin", 1000) as visitor:
        left = visitor.ready["upload"]
    await unfinished(module)
    (module.SHELF / "old.bin").write_bytes(b"old")
    (module.SHELF / "new.bin").write_bytes(b"new")
    async with begin("/slices", "some.bin", 1000) as visitor, client.websocket("/watch") as watcher:
        assert len((await watcher.expect_json())["files"]) == 2
        for path in (module.SHELF / "old.bin", *module.UNFINISHED.iterdir()):
            os.utime(path, (0, 0))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(module.tidy_up)
            assert [file["name"] for file in (await watcher.expect_json())["files"]] == ["new.bin"]
            nursery.cancel_scope.cancel()
        assert {path.name for path in module.UNFINISHED.iterdir()} == {visitor.ready["upload"]} != {left}


async def test_a_folder_of_somebody_else_is_not_used(module, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    module.FOLDER.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        module.make_folders()


async def test_a_file_that_goes_while_the_list_is_made_is_left_out(module, tmp_path, monkeypatch):
    module.make_folders()
    (module.SHELF / "gone").symlink_to(tmp_path / "nowhere")
    (module.SHELF / "there").write_bytes(b"x")
    assert set(module.held_in(module.SHELF)) == {"there"}


def test_the_program_serves_by_itself_until_ctrl_c(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Program("demo/upload.py", "--port", "0") as program:
        assert "<h1>Upload</h1>" in httpx.get(program.wait_for_url(), trust_env=False).text
        assert program.interrupt()[0] == 0
