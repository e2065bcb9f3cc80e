"""The metrics of requests, connections, reloads and processes."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from tests.bot.operating.watching import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]

PHRASE = "En un lugar de la Mancha"


async def test_counts_requests_by_platform_and_outcome(watched: Scene) -> None:
    watcher, discord, telegram = watched.watcher, watched.discord, watched.telegram
    answered = [
        await watcher.value("requests_total", platform=name, outcome="answered")
        for name in ("discord", "telegram")
    ]
    channel = discord.guild("La Mancha").channel("general")
    assert channel.guild is not None
    ben, eva = channel.guild.join(discord.user("Ben")), telegram.user("Eva")
    asked = await discord.slash(ben, channel, "escribe", frase=PHRASE)
    await asked.final(30)
    home = telegram.private(eva)
    await telegram.reply_to(await telegram.say(eva, home, PHRASE), 30)
    await telegram.reply_to(await telegram.say(eva, home, "x" * 401), 30)

    for name, before in zip(("discord", "telegram"), answered, strict=True):
        labels = {"platform": name, "outcome": "answered"}
        await watcher.until_value(lambda n, b=before: n == b + 1, "requests_total", **labels)
        for metric in ("acknowledgement", "first_character", "answer"):
            assert await watcher.value(f"{metric}_seconds_count", platform=name) == before + 1
            assert await watcher.value(f"{metric}_seconds_sum", platform=name) > 0
            full = await watcher.value(f"{metric}_seconds_bucket", platform=name, le="+Inf")
            assert full == before + 1
    labels = {"platform": "telegram", "outcome": "bad_phrase"}
    assert await watcher.value("requests_total", **labels) == 1
    assert await watcher.value("characters_total") > 2 * len(PHRASE)
    assert await watcher.value("characters_per_second") > 0
    assert await watcher.value("writing_seconds_count") >= 2
    assert await watcher.value("queue_length") == await watcher.value("batch_size") == 0


async def test_counts_rate_limits(watched: Scene) -> None:
    watcher, discord, telegram = watched.watcher, watched.discord, watched.telegram
    before = {
        name: await watcher.value("rate_limited_total", platform=name)
        for name in ("discord", "telegram")
    }
    channel = discord.guild("Aragón").channel("general")
    assert channel.guild is not None
    ana, eva = channel.guild.join(discord.user("Ana")), telegram.user("Eva")
    discord.faults.status("PATCH", "/webhooks/*", 429, retry_after=0.1)
    await (await discord.slash(ana, channel, "escribe", frase=PHRASE)).final(30)
    telegram.faults.flood("sendMessage", 1)
    await telegram.reply_to(await telegram.say(eva, telegram.private(eva), PHRASE), 30)
    for name, count in before.items():
        assert await watcher.value("rate_limited_total", platform=name) == count + 1


async def test_counts_reloads_and_names_checkpoint(watched: Scene) -> None:
    watcher, telegram = watched.watcher, watched.telegram
    home = telegram.private(watched.admin)
    for name in ("otro", "tiny"):
        before = await watcher.value("reloads_total", outcome="done")
        await telegram.say(watched.admin, home, f"/recargar {name}")
        await watcher.until_value(lambda n, b=before: n == b + 1, "reloads_total", outcome="done")
        assert await watcher.value("checkpoint_info", name=name) == 1
    assert await watcher.value("reloads_total", outcome="failed") == 0


async def test_reports_version_processes_and_store(watched: Scene) -> None:
    watcher = watched.watcher
    assert await watcher.value("program_info", version=version("litteragpt")) == 1
    assert await watcher.value("store_bytes") > 0
    assert await watcher.value("store_failing") == 0
    assert await watcher.value("loop_lag_seconds_count") > 0
    assert await watcher.value("worker_process_resident_memory_bytes") > 1e6
    assert "\nprocess_resident_memory_bytes" in await watcher.page()


async def test_contains_no_secret_or_user(watched: Scene) -> None:
    page = await watched.watcher.page()
    assert watched.discord.token not in page
    assert watched.telegram.token not in page
    # The number has four digits, which any value may contain; a label must not.
    samples = await watched.watcher.samples()
    told = {value for sample in samples for _, value in sample.labels}
    assert "discord" in told
    assert not any(str(watched.admin.id) in value for value in told)


async def test_refuses_other_paths_and_methods(watched: Scene) -> None:
    assert await watched.watcher.status("GET", "/") == 404
    assert await watched.watcher.status("GET", "/metrics/x") == 404
    assert await watched.watcher.status("POST", "/metrics") == 405
