"""Variables of an environment reach the code that runs there, and stay out of its log."""

import msgspec

from onward.bus.specs import Specs
from onward.contract.places import EnvironmentSpec, QueueSpec
from onward.worker.scrub import Scrubber
from onward.worker.surroundings import Places
from tests.support.copy_of import CopyOf

LAB = EnvironmentSpec(name="lab", variables={"TOKEN": "s3cret-value", "REGION": "eu", "DEBUG": "true"})


def test_variables_are_those_of_the_environment_and_none_where_there_is_none():
    places = Places(Specs(CopyOf(LAB)), Scrubber())

    assert places.variables("default", "lab") == LAB.variables
    assert places.variables("default", "elsewhere") == places.variables("default", None) == {}
    assert places.variables("other", "lab") == {}


def test_seed_logging_masks_the_variables_of_an_environment_and_no_short_ones():
    scrub = Places(Specs(CopyOf(LAB)), Scrubber(["workers-own"])).scrubber("default", "lab")

    assert scrub("s3cret-value and workers-own in eu, true") == "*** and *** in eu, true"


def test_a_change_counts_from_the_next_attempt_on():
    copy = CopyOf(LAB)
    places = Places(Specs(copy), Scrubber())
    assert places.scrubber("default", "lab")("another-one") == "another-one"

    changed = msgspec.structs.replace(LAB, variables={"TOKEN": "another-one"})
    copy.known["default", "environment", "lab"] = (msgspec.json.encode(changed), 2)

    assert places.variables("default", "lab") == {"TOKEN": "another-one"}
    assert places.scrubber("default", "lab")("another-one s3cret-value") == "*** s3cret-value"


def test_paused_queues_are_those_that_say_so():
    copy = CopyOf(QueueSpec(name="a", paused=True), QueueSpec(name="b"), QueueSpec(name="c", paused=True))

    assert Places(Specs(copy), Scrubber()).paused("default") == {"a", "c"}
