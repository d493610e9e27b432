"""docs/benchmarks.md from the figures of bench/all: a table of targets, then each measurement."""


def shown(figure, digits=2):
    return f"{figure['median']:,.{digits}f} ({figure['min']:,.{digits}f} - {figure['max']:,.{digits}f})"


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


def first(entries, **wanted):
    for entry in entries or []:
        if all(entry.get(key) == value for key, value in wanted.items()):
            return entry
    return None


def verdict(reached, limit, at_least=False):
    if reached is None:
        return "-"
    return "yes" if (reached >= limit if at_least else reached <= limit) else "no"


class Targets:
    """Rows: what, target, reached (with its spread), whether that is enough."""

    def __init__(self):
        self.rows = []

    def add(self, what, target, figure, limit, digits=2, at_least=False):
        median = figure["median"] if figure else None
        self.rows.append((what, target, shown(figure, digits) if figure else "not measured",
                          verdict(median, limit, at_least)))


def warm_targets(targets, warm):
    for language, limit in (("native", 40), ("python", 60), ("node", 60)):
        one = first(warm, language=language, connections=1) or {}
        targets.add(f"warm {language}, 1 connection: added to the front's p50, us",
                    f"<= {limit}", one.get("added_p50_us"), limit, 0)
        targets.add(f"warm {language}, 1 connection: p99 / the front's", "<= 1.5",
                    one.get("p99_ratio_to_front"), 1.5)
    for language in ("native", "python", "node"):
        for connections in (8, 16):
            one = first(warm, language=language, connections=connections) or {}
            targets.add(f"warm {language}, {connections} connections: calls/s / the floor's",
                        ">= 0.9", one.get("ratio"), 0.9, 2, True)


def start_targets(targets, report):
    cold = report.get("cold")
    for language, limit in (("native", 2), ("python", 3), ("node", 6)):
        near = first(cold, language=language, way="back to back") or {}
        apart = first(cold, language=language, way="150 ms apart") or {}
        p50 = near.get("latency_ms", {}).get("p50")
        targets.add(f"cold {language}: p50, ms", f"<= {limit}", p50, limit)
        if language == "python":
            targets.add("cold python: p99, ms", "<= 10", near.get("latency_ms", {}).get("p99"), 10)
        later = apart.get("latency_ms", {}).get("p50")
        ratio = {k: v / p50["median"] for k, v in later.items()} if p50 and later else None
        targets.add(f"cold {language}: 150 ms apart / back to back", "<= 1.3", ratio, 1.3)
    for language, command in (("python", "python3 -c pass"), ("node", "node -e 0")):
        one = first(report.get("cold_without_stem_cells"), language=language) or {}
        bare = first(report.get("process_starts"), peer="bare process", command=command) or {}
        limit = 1.15 * bare["p50_ms"]["median"] + 2 if bare else None
        targets.add(f"cold {language}, no stem cells: p50, ms",
                    f"<= {limit:.1f} (1.15 x bare start + 2)" if bare else "1.15 x bare start + 2",
                    one.get("latency_ms", {}).get("p50") if bare else None, limit)
    targets.add("python whose import takes 500 ms, from its snapshot: p50, ms", "<= 10",
                report.get("snapshot", {}).get("latency_ms", {}).get("p50"), 10)
    for language, limit in (("native", 150), ("python", 400), ("node", 2000)):
        one = first(report.get("bursts"), language=language) or {}
        is_whole = one.get("functions") == 100
        targets.add(f"100 {language} functions at once: last reply, ms", f"<= {limit}",
                    one.get("last_reply_ms") if is_whole else None, limit, 0)


def idle_targets(targets, report):
    for language, limit in (("native", 0.5), ("python", 2.5), ("node", 7)):
        one = first(report.get("idle_pss_mib"), language=language) or {}
        targets.add(f"idle {language} sandbox: PSS, MiB", f"<= {limit}", one.get("pss"), limit)
    idle = report.get("idle_host", {}).get("hearthd")
    for what, key, limit in (("PSS, MiB", "pss_mib", 15), ("CPU, %", "cpu_percent", 0.1)):
        figure = {k: idle[key] for k in ("median", "min", "max")} if idle else None
        targets.add(f"hearthd idle: {what}", f"<= {limit}", figure, limit)


def warm_section(report):
    rows = []
    for one in report.get("warm", []):
        front, floor, hearth = one["front"], one["floor"], one["hearth"]
        rows.append((one["language"], one["connections"],
                     shown(front["throughput_per_s"], 0), shown(floor["throughput_per_s"], 0),
                     shown(hearth["throughput_per_s"], 0), shown(one["ratio"]),
                     f"{front['p50_us']['median']:.0f} / {floor['p50_us']['median']:.0f} / "
                     f"{hearth['p50_us']['median']:.0f}",
                     f"{front['p99_us']['median']:.0f} / {floor['p99_us']['median']:.0f} / "
                     f"{hearth['p99_us']['median']:.0f}",
                     " / ".join(f"{each['generator_cores']['median']:.2f}"
                                for each in (front, floor, hearth))))
    rows += [(f"peer: {one['peer']}", one["connections"], "-", "-",
              shown(one["throughput_per_s"], 0), "-", f"{one['p50_us']['median']:.0f}",
              f"{one['p99_us']['median']:.0f}", f"{one['generator_cores']['median']:.2f}")
             for one in report.get("http_peers", [])]
    return ["## Warm echo", "",
            "Calls a second. The front answers by itself: what HTTP alone costs. The floor has a "
            "worker process behind it, and no sandbox. Latencies are those of front / floor / "
            "Hearth. Peers run no sandbox either, and were measured in rounds of their own.", "",
            "The generator's share of one core says where it is the measurement (near 1). The "
            "front's p50 has two modes, about a factor of two apart: it and the generator on "
            "one core, or on two, as the scheduler has it. What is added to the front's p50, and "
            "the ratio to its p99, can be no better than that.", "",
            *table(("echo", "connections", "front", "floor", "Hearth or peer", "Hearth / floor",
                    "p50, us", "p99, us", "generator, cores"), rows)]


def cold_section(report):
    rows, step_rows = [], []
    everything = report.get("cold", []) + report.get("cold_without_stem_cells", [])
    if "snapshot" in report:
        everything = everything + [{"language": "python, slow import", "way": "from a snapshot",
                                    **report["snapshot"]}]
    for one in everything:
        ms = one["latency_ms"]
        rows.append((one["language"], one["way"], shown(ms["p50"]), shown(ms["p90"]),
                     shown(ms["p99"]), shown(ms["max"])))
        parts = ", ".join(f"{name.replace('start.', '. ')} {us['median']:,.0f}"
                          for name, us in one["steps_us"].items())
        step_rows.append((one["language"], one["way"], parts))
    return ["## Cold starts, request to reply", "", "Milliseconds.", "",
            *table(("hello", "how", "p50", "p90", "p99", "max"), rows),
            "Where the time goes: p50 of each step in microseconds, as the host tells them (a step "
            "behind a dot is a part of `start`).", "", *table(("hello", "how", "steps"), step_rows)]


def other_sections(report):
    bursts = [(one["language"], one["functions"], shown(one["last_reply_ms"], 0),
               shown(one["latency_ms"]["p50"], 0),
               f"{one['functions'] / one['last_reply_ms']['median'] * 1000:,.0f}")
              for one in report.get("bursts", [])]
    idle = [(f"idle {one['language']} sandbox ({one['sandboxes']})", shown(one["pss"]), "-", "-")
            for one in report.get("idle_pss_mib", [])]
    for name, one in report.get("idle_host", {}).items():
        if isinstance(one, dict):
            idle.append((name, f"{one['pss_mib']:.1f}", f"{one['cpu_percent']:.2f}",
                         f"{one['switches_per_s']:.1f}"))
    peers = [(one["peer"], f"`{one['command']}`", shown(one["p50_ms"]), shown(one["p99_ms"]))
             for one in report.get("process_starts", [])]
    return ["## Bursts", "", "Functions that have never been called, one call each, all at once.",
            "", *table(("echo", "functions", "last reply, ms", "p50, ms", "starts/s"), bursts),
            "## Idle", "", *table(("what", "PSS, MiB", "CPU, %", "switches/s"), idle),
            "## Starts of a process, by others", "",
            "From spawn to exit, in milliseconds; the program is the machine's own, from a "
            "read-only /usr.", "", *table(("by", "command", "p50", "p99"), peers)]


def page(report):
    machine, versions = report["machine"], report["versions"]
    targets = Targets()
    warm_targets(targets, report.get("warm"))
    start_targets(targets, report)
    idle_targets(targets, report)
    kind = "A quick run, which proves that the script works and nothing else. " \
        if report["quick"] else ""
    lines = ["# Benchmarks", "",
             f"{kind}Written by `bench/all` on {machine['date']}: medians of {report['rounds']} "
             "interleaved rounds, the lowest and highest round in brackets.", "",
             f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
             f"Linux {machine['kernel']}; load before: {machine['load_before']:.1f}.",
             "Versions: " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ".", "",
             "## Targets", "", *table(("what", "target", "reached", "met"), targets.rows),
             *warm_section(report), *cold_section(report), *other_sections(report)]
    for title, key in (("Skipped", "skipped"), ("Failed", "failed")):
        if report[key]:
            lines += [f"## {title}", ""]
            lines += [f"- {name}: {' '.join(why.split())[:300]}"
                      for name, why in report[key].items()]
            lines.append("")
    lines += ["## Measured elsewhere", "",
              "Instructions and system calls of a warm call: `bench/callgrind`. Thousands of "
              "sandboxes: `bin/sandboxes live`. Keep-alive policies: `bin/simulate`. Queues, and the "
              "functions behind them: `bench/queues`, `bench/queue_functions` (SPECIFICATION.md 4).", ""]
    return "\n".join(lines)
