import pytest

from onward.process.metrics import SERIES_LIMIT, Metrics


def test_a_counter_is_written_with_its_labels():
    metrics = Metrics()
    appended = metrics.counter("onward_appends_total", "Events appended.", ["outcome"])
    appended.add(outcome="stored")
    appended.add(2, outcome="stored")
    appended.add(outcome="refused")
    assert metrics.render() == (
        "# HELP onward_appends_total Events appended.\n"
        "# TYPE onward_appends_total counter\n"
        'onward_appends_total{outcome="stored"} 3\n'
        'onward_appends_total{outcome="refused"} 1\n'
    )


def test_a_counter_without_labels_starts_at_zero_and_never_falls():
    metrics = Metrics()
    counter = metrics.counter("starts_total", "Starts.")
    assert "starts_total 0\n" in metrics.render()
    with pytest.raises(ValueError, match="only grows"):
        counter.add(-1)


def test_a_gauge_is_set_or_asked():
    metrics = Metrics()
    gauge = metrics.gauge("slots", "Free slots.", ["queue"])
    gauge.set(3, queue="fast")
    gauge.set(lambda: 1.5, queue="slow")
    assert 'slots{queue="fast"} 3\n' in metrics.render()
    assert 'slots{queue="slow"} 1.5\n' in metrics.render()
    gauge.forget(queue="fast")
    assert "fast" not in metrics.render()


def test_a_histogram_counts_cumulatively():
    metrics = Metrics()
    took = metrics.histogram("took_seconds", "How long.", buckets=[0.1, 1])
    for seconds in (0.05, 0.1, 0.5, 7):
        took.observe(seconds)
    assert metrics.render().splitlines()[2:] == [
        'took_seconds_bucket{le="0.1"} 2',
        'took_seconds_bucket{le="1"} 3',
        'took_seconds_bucket{le="+Inf"} 4',
        "took_seconds_sum 7.65",
        "took_seconds_count 4",
    ]


def test_label_values_cannot_break_out_of_their_quotes():
    metrics = Metrics()
    metrics.counter("seen_total", "Seen.", ["name"]).add(name='a"}\nfake 1\\')
    assert 'seen_total{name="a\\"}\\nfake 1\\\\"} 1\n' in metrics.render()


def test_too_many_label_values_share_one_series():
    metrics = Metrics()
    counter = metrics.counter("seen_total", "Seen.", ["name"])
    for n in range(SERIES_LIMIT + 5):
        counter.add(name=f"n{n}")
    assert 'seen_total{name="other"} 5\n' in metrics.render()


def test_a_name_means_one_metric():
    metrics = Metrics()
    counter = metrics.counter("seen_total", "Seen.")
    assert metrics.counter("seen_total", "Seen.") is counter
    with pytest.raises(ValueError, match="exists already"):
        metrics.gauge("seen_total", "Seen.")


def test_labels_must_be_exactly_the_declared_ones():
    counter = Metrics().counter("seen_total", "Seen.", ["name"])
    with pytest.raises(ValueError, match="has the labels"):
        counter.add(other="x")
