"""Each rule, one by one: the examples of docs/history.md, and the corners that no example shows."""

# ruff: noqa: E501 - one conversation a line

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import family
from _oxen_transport.request.repair import GO_ON, UNDERSTOOD, repair
from _oxen_transport.request.rules import RULES
from _oxen_transport.request.tool_results import NO_RESULT
from _oxen_transport.tools.ids import wire_id
from tests.history_checks import TOKENIZER, accepted_by_mistral, strictly_alternating
from tests.tables import each_row

MIXTRAL = family("open-mixtral-8x22b")
LATER = family("mistral-large-2411")
PIXTRAL = family("pixtral-12b")
GENERIC = family("gpt-4o")
CLAUDE = family("claude-sonnet-4-5")
GEMINI = family("gemini-2.5-pro")
DOCS = (Path(__file__).parents[4] / "docs" / "history.md").read_text(encoding="utf-8")
ID, OTHER = "AbC123xyZ", "BbC123xyZ"
IMAGE = {"type": "image_url", "image_url": {"url": "https://x"}}


def repair_for(messages, known=MIXTRAL, mode="repair", *, tools=True):
    return repair(messages, known, mode, tools=tools)


def user(text, **more):
    return {"role": "user", "content": text, **more}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(call_id=ID, name="f", arguments="{}"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls, text=""):
    return {"role": "assistant", "content": text, "tool_calls": list(calls) or [call()]}


def two_calls(first=ID, second=OTHER):
    return calling(call(first, "f"), call(second, "g"))


def result(text="42", call_id=ID, **more):
    return {"role": "tool", "content": text, "tool_call_id": call_id, **more}


def text(*texts):
    return [{"type": "text", "text": each} for each in texts]


# -- the docs ------------------------------------------------------------------------------


def examples():
    """(rule, family, before, after or None, error or None) of each example in the docs."""
    for section in DOCS.split("\n### ")[1:]:
        model = re.search(r"Model: `(.+?)`", section)
        blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]
        error = re.search(r"```text\n(.*?)\n```", section, re.DOTALL)
        known = family(model.group(1) if model else "open-mixtral-8x22b")
        yield section.partition("\n")[0], known, blocks[0], [*blocks, None][1], error and error.group(1)


def test_the_docs_list_every_rule_with_its_source():
    rows = re.findall(r"^\| \[`(.+?)`\]\(#(.+?)\) \| (.+?) \| <(.+?)> \|$", DOCS, re.MULTILINE)
    assert rows == [(rule.name, rule.name, rule.refused, rule.source) for rule in RULES.values()]
    assert [name for name, *_ in examples()] == list(RULES)


@each_row(("rule", "known", "before", "after", "error"), examples())
def test_the_docs_examples(rule, known, before, after, error, caplog):  # noqa: PLR0917 - an example has that many parts
    caplog.clear()
    caplog.set_level(logging.DEBUG, logger="oxen_integrations.history")
    assert repair_for(before, known, "off") == before
    with pytest.raises(OxenConfigError) as caught:
        repair_for(before, known, "strict", tools=False)
    refused = str(caught.value)
    [named] = re.findall(r"rule '(.+?)'", refused)
    assert re.match(r"messages\[\d\]: ", refused)
    assert RULES[named].advice in refused
    assert RULES[named].source in refused
    if error is not None:
        with pytest.raises(OxenConfigError) as caught:
            repair_for(before, known, tools=False)
        assert str(caught.value) == error
        return
    assert 'history="repair"' in refused, "the way out"
    assert repair_for(before, known, tools=False) == after
    assert repair_for(after, known, tools=False) == after
    [record] = [record.getMessage() for record in caplog.records if rule in record.getMessage()]
    assert record.startswith(f"history repaired for the {known.name} family: ")
    if known.strict_order:
        accepted_by_mistral(after)
        strictly_alternating(after)


def test_the_docs_name_the_rules_that_every_model_gets():
    stated = re.search(r"gets those that all of them need: (.+?)\.\n", DOCS, re.DOTALL)
    ran = set()
    for _, _, before, *_ in examples():
        try:
            repair_for(before, GENERIC, "strict", tools=False)
        except OxenConfigError as error:
            ran.add(re.findall(r"rule '(.+?)'", str(error))[0])
    assert ran | {"tool-id"} == set(re.findall(r"`([a-z-]+)`", stated.group(1)))  # its example's id is fine for others
    with pytest.raises(OxenConfigError, match="tool-id"):
        repair_for([user("x"), calling(call("")), result("42", "")], GENERIC, "strict")


def test_one_debug_line_without_content_and_none_where_nothing_is_repaired(caplog):
    caplog.set_level(logging.DEBUG)
    repair_for([system("s"), user("a"), assistant("b"), user("c")])
    repair_for([user("secret one"), user("secret two"), assistant("secret three", name="agent")])
    [record] = caplog.records
    assert record.name == "oxen_integrations.history"
    assert record.getMessage() == "history repaired for the mistral family: name (1), same-role (1), last-assistant (1)"


# -- which result answers which call -------------------------------------------------------


def answered(messages):
    """(name of the call, its result), in the order of the results."""
    names = {each["id"]: each["function"]["name"] for message in messages for each in message.get("tool_calls", ())}
    return [(names[m["tool_call_id"]], m["content"]) for m in messages if m["role"] == "tool"]


F, G, IN_ORDER = calling(call("a", "f")), calling(call("b", "g")), [("f", "one"), ("g", "two")]
TAKEN = wire_id("call_1")


@each_row(
    ("after_the_question", "expected"),
    [
        *(
            ([two_calls(*ids), result("one", ids[0]), result("two", ids[1])], IN_ORDER)
            # the last hashes to an id that is taken; the two before are answered in their order
            for ids in (("call_1", "call_2"), ("x", "x"), ("", ""), (TAKEN, "call_1"))
        ),
        ([two_calls("a", "b"), result("two", "b"), result("one", "a")], [("g", "two"), ("f", "one")]),
        *(
            ([calling(call(again, "f")), result("one", again), assistant("so"), user("q"), calling(call(again, "g")), result("two", again)], IN_ORDER)
            for again in (ID, "call_1", "f", "")
        ),
        ([calling(call("x", "f")), user("again"), calling(call("x", "g")), result("two", "x")], [("f", NO_RESULT), ("g", "two")]),
        ([F, G, result("one", "a"), result("two", "b")], IN_ORDER),
        ([result("early"), calling(), user("next")], [("f", NO_RESULT)]),
        ([calling(), result("42"), result("42")], [("f", "42")]),
        # without an id by its name, then by its place
        ([two_calls("a", "b"), {"role": "function", "name": "g", "content": "two"}, result("one", "a")], [("g", "two"), ("f", "one")]),
        ([two_calls("a", "b"), {"role": "tool", "content": "one"}, {"role": "tool", "content": "two"}], IN_ORDER),
        *(([two_calls(i, i), result("two", i, name="g"), result("one", i, name="f")], [("g", "two"), ("f", "one")]) for i in ("", "x")),
        ([two_calls("", ""), result("two", ""), result("one", "", name="f")], [("g", "two"), ("f", "one")]),
        ([calling(call(name="a.b")), {"role": "function", "name": "a.b", "content": "18"}], [("a_b", "18")]),
        *(([calling(call(near)), result("42", near)], [("f", "42")]) for near in (ID + "\n", ID[:8], ID + "0", "ä" + ID[1:], "null")),
    ],
)  # fmt: skip
def test_each_call_has_its_own_result(after_the_question, expected):
    repaired = repair_for([user("q"), *after_the_question])
    strictly_alternating(repaired)
    accepted_by_mistral(repaired)
    assert answered(repaired) == expected


@each_row(
    ("given", "sent"),
    [
        *(("", {}), (None, {}), ("null", {}), ({"a": 1}, {"a": 1}), ("[1]", {"arguments": "[1]"})),
        ('{"a": "x\ny"}', {"a": "x\ny"}),  # a raw line break, as models write it
        (r'{"a": "\ud83d"}', {"a": "\ufffd"}),
        *((bad, {"arguments": bad}) for bad in ('{"a": NaN}', '{"a": "cut', "[" * 5000)),
        *((good, good) for good in ('{"a":1}', '{ "b" : [1, 2.50], "a": "ü" }')),  # as the model wrote it
    ],
)
def test_arguments_are_an_object_and_nothing_is_lost(given, sent):
    repaired = repair_for([user("q"), calling(call(arguments=given)), result()])
    found = repaired[1]["tool_calls"][0]["function"]["arguments"]
    assert (found if isinstance(sent, str) else json.loads(found)) == sent


@each_row("known", [MIXTRAL, GENERIC, CLAUDE])
@each_row(
    ("name", "sent"),
    [
        *(("a b", "a_b"), ("f\n", "f_"), ("Box[int]", "Box_int_"), ("größe", "gr__e_d353a267")),
        *(("查询天气", "tool_22cf3c76"), ("x" * 65, "x" * 55 + "_9537c5fd")),
    ],
)
def test_a_function_name_that_servers_refuse_is_written_otherwise(name, sent, known):
    repaired = repair_for([user("q"), calling(call(name=name)), result()], known)
    assert repaired[1]["tool_calls"][0]["function"]["name"] == sent


# -- what is sent --------------------------------------------------------------------------

TWO_STEPS = [user("q"), calling(text="first"), result(), calling(call(OTHER), text="second"), result("43", OTHER)]
TEXT_THEN_CALL = [user("q"), assistant("first"), calling(), result()]
AGENTS = [user("q", name="Ann"), assistant("a", name="planner"), user("r", name="Bob"), assistant("b", name="critic")]
NAMED = ["Ann: q", "a", "Bob: r", "critic: b"]
CACHED = [*text("long"), {"text": "er"}, "!"]
CACHED[0]["cache_control"] = {"type": "ephemeral"}


@each_row(
    ("history", "expected"),
    [
        (TWO_STEPS, ["q", "first", GO_ON, None, "42", "second", GO_ON, None, "43"]),
        (TEXT_THEN_CALL, ["q", "first", GO_ON, "", "42"]),
        ([user("q"), assistant("a"), calling(text="b"), result()], ["q", "a\n\nb", GO_ON, None, "42"]),
        ([system(" "), user("q"), system("")], ["q"]),
        ([user("q"), assistant("a"), assistant("b"), user("c")], ["q", "a\n\nb", "c"]),
        ([system("be brief"), user("q"), system("answer now")], ["be brief", "q\n\nanswer now"]),
        ([user("q"), calling(), system("note"), result()], ["q", "", "42", UNDERSTOOD, "note"]),
        ([user("q"), calling(), user("never mind")], ["q", "", NO_RESULT, UNDERSTOOD, "never mind"]),
        ([user("q"), assistant(text("Paris is ", "warm.")), user("x")], ["q", "Paris is warm.", "x"]),
        ([user("q"), calling(text=" \n"), result()], ["q", "", "42"]),
        ([user(" "), calling(), result("")], [" ", "", ""]),
        ([user("q"), result("18", "gone", name="f")], ["q\n\nResult of the tool f:\n18"]),
        ([user("q"), assistant(None, refusal="I will not."), user("why")], ["q", "I will not.", "why"]),
        ([{"role": "system", "content": CACHED}, user("x")], ["long\n\ner\n\n!", "x"]),
        # a single speaker's name says no more than the role; a new one changes nothing before it
        ([user("q", name="user"), assistant("a", name="agent"), user("r", name="user")], ["q", "a", "r"]),
        (AGENTS, NAMED),
        ([*AGENTS, user("s"), assistant("c", name="planner")], [*NAMED, "s", "planner: c"]),
        *((blank, [GO_ON]) for blank in ([assistant("")], [system(" ")], [assistant(None), assistant("\n")])),
        ([{"role": "tool", "content": ""}], ["Result of a tool:\n"]),
    ],
)
def test_the_contents_for_mixtral(history, expected):
    repaired = repair_for(history)
    assert [message["content"] for message in repaired] == expected
    strictly_alternating(repaired)
    accepted_by_mistral(repaired)


SIGNED = {**call(), "extra_content": {"google": {"thought_signature": "x"}}}
SAME_IDS = [user("q"), calling(call("x")), result("1", "x"), calling(call("x")), result("2", "x")]


@each_row(
    ("known", "history", "expected"),
    [
        (LATER, TWO_STEPS, TWO_STEPS),
        (LATER, TEXT_THEN_CALL, [user("q"), calling(text="first"), result()]),
        (GENERIC, SAME_IDS, SAME_IDS),
        *((known, [user("q", name="Alice")], [user("q", name="Alice")]) for known in (GENERIC, CLAUDE)),
        *((k, [{"role": "system", "content": CACHED}, user("x")], [system("long\n\ner\n\n!"), user("x")]) for k in (GENERIC, CLAUDE)),
        # both forms of one call are one call
        (MIXTRAL, [user("q"), {**calling(), "function_call": {"name": "f", "arguments": "{}"}}, result()], [user("q"), calling(), result()]),
        # a result has the name of its call, where it has or needs one
        (MIXTRAL, [user("q"), calling(), result(name="my tool")], [user("q"), calling(), result(name="f")]),
        (GEMINI, [user("q"), calling(), result()], [user("q"), calling(), result(name="f")]),
        # foreign keys of a call stay where they are allowed
        (GENERIC, [user("q"), calling(SIGNED), result()], [user("q"), calling(SIGNED), result()]),
        (MIXTRAL, [user("q"), calling(SIGNED), result()], [user("q"), calling(), result()]),
        (MIXTRAL, [user("q"), assistant("a", prefix=True)], [user("q"), assistant("a", prefix=True)]),
        (GENERIC, [user("q"), assistant("a", prefix=True)], [user("q"), assistant("a")]),
        (PIXTRAL, [user([*text("look"), {**IMAGE, "id": "lc_1"}])], [user([*text("look"), IMAGE])]),
        (PIXTRAL, [user("a"), user([IMAGE])], [user([*text("a"), IMAGE])]),
        (GENERIC, [user([IMAGE])], [user([IMAGE])]),
        (GENERIC, [user("q"), calling(), result([*text("a photo"), IMAGE])], [user("q"), calling(), result([*text("a photo"), IMAGE])]),
    ],
)  # fmt: skip
def test_what_is_sent_to_each_family(known, history, expected):
    assert repair_for(history, known) == expected


def test_the_template_refuses_text_and_calls_in_two_messages():
    with pytest.raises(Exception, match="tool calls and content"):
        accepted_by_mistral(TEXT_THEN_CALL)


def test_what_the_model_reads_is_the_same_where_only_the_order_was_repaired():
    """Mistral's own normalizer makes the same of both: proof that joining and moving lose nothing."""
    from mistral_common.protocol.instruct.request import ChatCompletionRequest

    def tokens(messages):
        request = ChatCompletionRequest.model_validate({"messages": messages})
        plain = TOKENIZER._instruct_request_normalizer.from_chat_completion_request(request)
        return TOKENIZER.instruct_tokenizer.encode_instruct(plain).tokens

    history = [system("one"), user("a"), user("b"), assistant("d"), assistant("e"), system("two"), user("f")]
    assert tokens(repair_for(history)) == tokens(history)


@each_row(("known", "note"), [(MIXTRAL, "the model reads text only"), (PIXTRAL, "the model does not read it here")])
def test_an_image_from_a_tool_does_not_end_the_run(known, note, caplog):
    caplog.clear()
    history = [user("q"), calling(), result([*text("a photo"), IMAGE])]
    assert repair_for(history, known)[2]["content"] == f"a photo\n\n[image left out: {note}]"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with pytest.raises(OxenConfigError, match="rule 'media'"):
        repair_for(history, known, "strict")


MEDIA = [
    *({"type": kind, kind: {"url": "https://x"}} for kind in ("image_url", "audio_url", "video_url", "file")),
    {**IMAGE, "text": "a cat"},  # not the caption alone
    *({"type": "image", "source": {}}, {"type": "something_new", "x": 1}, 3),
]


@each_row(
    ("known", "message", "error"),
    [
        *((known, {"role": role, "content": "x"}, r"\[1\]: role") for role in ("critic", "", None, "Assistant", 3) for known in (MIXTRAL, GENERIC)),
        (MIXTRAL, {**calling(), "role": "user"}, r"\[1\].*tool calls in a message of role 'user'"),
        *((MIXTRAL, user([*text("look"), part]), r"\[1\]: content part 1 of type '") for part in MEDIA),
        *((PIXTRAL, user([part]), rf"\[1\]: content part 0 of type '{part['type']}'.*the model does not read it") for part in MEDIA[1:4]),
        *((GENERIC, user([part]), r"\[1\]: content part 0") for part in ({"image_url": {"url": "https://x"}}, 3)),
        (MIXTRAL, user(3), "content of type int"),
        (PIXTRAL, user([{"type": "image_url"}]), r"\[1\]: content part 0 of type 'image_url'"),
    ],
)  # fmt: skip
def test_what_cannot_be_repaired_is_an_error_that_names_its_place(known, message, error):
    with pytest.raises(OxenConfigError, match=error):
        repair_for([system("s"), message], known)


@each_row("known", [MIXTRAL, GENERIC, CLAUDE])
@each_row("content", ["", None])
def test_a_good_history_is_left_alone_even_in_strict_mode(known, content):
    history = [system("s"), user("q"), calling(text=content), result(), assistant("a"), user("r")]
    assert repair_for(history, known) == repair_for(history, known, "strict") == history


@each_row(
    ("message", "rule"),
    [
        (user(text("q")), "content-parts"),
        (user("q", name=""), "message-form"),
        (assistant("a", prefix=False), "message-form"),
        (calling({"id": ID, "function": {"name": "f", "arguments": "{}"}}), "message-form"),
        (calling(call(arguments={})), "tool-arguments"),
        (calling(call(arguments="")), "tool-arguments"),
        (calling(text=" "), "content-and-calls"),
        ({**calling(), "function_call": None}, "message-form"),
    ],
)
def test_strict_refuses_what_repair_would_change_and_off_sends_it(message, rule):
    before = [] if message["role"] == "user" else [user("q")]
    after = [result()] if message.get("tool_calls") else [assistant("b"), user("r")] if not before else [user("r")]
    history = [*before, message, *after]
    assert repair_for(history) != history
    with pytest.raises(OxenConfigError, match=f"rule '{rule}'"):
        repair_for(history, mode="strict")
    assert repair_for(history, mode="off") == history


@each_row("mode", ["repair", "strict", "off"])
def test_without_a_message_there_is_nothing_to_send(mode):
    with pytest.raises(OxenConfigError, match="the conversation is empty"):
        repair_for([], mode=mode)


def test_nothing_of_the_callers_is_shared():
    history = [user([{"type": "x", "x": {"deep": []}}]), calling(), result()]
    repaired = repair_for(history, GENERIC)
    repaired[0]["content"][0]["x"]["deep"].append(1)
    repaired[1]["tool_calls"][0]["function"]["name"] = "other"
    assert history == [user([{"type": "x", "x": {"deep": []}}]), calling(), result()]
