"""Each rule, one by one: the examples of docs/history.md, and the corners that no example shows."""

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
from tests.history_checks import TOKENIZER, accepted_by_mistral, strictly_alternating
from tests.tables import each_row

MIXTRAL = family("open-mixtral-8x22b")
LATER = family("mistral-large-2411")
PIXTRAL = family("pixtral-12b")
GENERIC = family("gpt-4o")
CLAUDE = family("claude-sonnet-4-5")
GEMINI = family("gemini-2.5-pro")
DOCS = (Path(__file__).parents[4] / "docs" / "history.md").read_text(encoding="utf-8")


def repair_for(messages, known=MIXTRAL, mode="repair", *, tools=True):
    return repair(messages, known, mode, tools=tools)


def user(text, **more):
    return {"role": "user", "content": text, **more}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(call_id="AbC123xyZ", name="f", arguments="{}"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls, text=""):
    return {"role": "assistant", "content": text, "tool_calls": list(calls) or [call()]}


def result(text="42", call_id="AbC123xyZ", **more):
    return {"role": "tool", "content": text, "tool_call_id": call_id, **more}


def roles(messages):
    return [message["role"] for message in messages]


def contents(messages):
    return [message["content"] for message in messages]


# -- the docs ------------------------------------------------------------------------------


def sections():
    return list(_sections())


def _sections():
    """(rule, model, before, after or None, error or None) of each example in the docs."""
    for text in DOCS.split("\n### ")[1:]:
        name = text.partition("\n")[0]
        model = re.search(r"Model: `(.+?)`", text)
        blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
        error = re.search(r"```text\n(.*?)\n```", text, re.DOTALL)
        yield pytest.param(
            name,
            model.group(1) if model else "open-mixtral-8x22b",
            blocks[0],
            blocks[1] if len(blocks) > 1 else None,
            error.group(1) if error else None,
            id=name,
        )


def test_the_docs_list_every_rule_with_its_source():
    rows = re.findall(r"^\| \[`(.+?)`\]\(#(.+?)\) \| (.+?) \| <(.+?)> \|$", DOCS, re.MULTILINE)
    assert rows == [(rule.name, rule.name, rule.refused, rule.source) for rule in RULES.values()]
    assert [param.id for param in sections()] == list(RULES)


@pytest.mark.parametrize(("rule", "model", "before", "after", "error"), sections())
def test_the_docs_examples(rule, model, before, after, error, caplog):  # noqa: PLR0917 - an example has that many parts
    caplog.set_level(logging.DEBUG, logger="oxen_integrations.history")
    known = family(model)
    if error is not None:
        with pytest.raises(OxenConfigError) as caught:
            repair_for(before, known, tools=False)
        assert str(caught.value) == error
        return
    assert repair_for(before, known, tools=False) == after
    assert repair_for(after, known, tools=False) == after
    [record] = [record.getMessage() for record in caplog.records if rule in record.getMessage()]
    assert record.startswith(f"history repaired for the {known.name} family: ")
    if known.strict_order:
        accepted_by_mistral(after)
        strictly_alternating(after)


@each_row(("rule", "model", "before", "after", "error"), sections())
def test_strict_names_a_rule_the_message_and_the_way_out(rule, model, before, after, error):
    with pytest.raises(OxenConfigError) as caught:
        repair_for(before, family(model), "strict", tools=False)
    text = str(caught.value)
    [named] = re.findall(r"rule '(.+?)'", text)
    assert re.match(r"messages\[\d\]: ", text)
    assert RULES[named].advice in text
    assert RULES[named].source in text
    if error is None:
        assert 'history="repair"' in text


@each_row(("rule", "model", "before", "after", "error"), sections())
def test_off_leaves_everything(rule, model, before, after, error):
    assert repair_for(before, family(model), "off") == before


GENERIC_RULES = re.search(r"gets those that all of them need: (.+?)\.\n", DOCS, re.DOTALL)


@each_row("mode", ["repair", "strict", "off"])
def test_without_a_message_there_is_nothing_to_send(mode):
    with pytest.raises(OxenConfigError, match="the conversation is empty"):
        repair_for([], mode=mode)


def test_the_docs_say_which_rules_every_model_gets():
    told = re.findall(r"`([a-z-]+)`", GENERIC_RULES.group(1))
    ran = set()
    for param in sections():
        before = param.values[2]
        try:
            repair_for(before, GENERIC, "strict", tools=False)
        except OxenConfigError as error:
            ran.add(re.findall(r"rule '(.+?)'", str(error))[0])
    assert ran | {"tool-id"} == set(told)  # the example's foreign id is fine for the others
    with pytest.raises(OxenConfigError, match="tool-id"):
        repair_for([user("x"), calling(call("")), result("42", "")], GENERIC, "strict")


# -- the log -------------------------------------------------------------------------------


def test_one_debug_line_without_content(caplog):
    caplog.set_level(logging.DEBUG)
    repair_for([user("secret one"), user("secret two"), assistant("secret three", name="agent")])
    [record] = caplog.records
    assert record.name == "oxen_integrations.history"
    assert record.getMessage() == "history repaired for the mistral family: name (1), same-role (1), last-assistant (1)"


def test_no_line_when_nothing_is_repaired(caplog):
    caplog.set_level(logging.DEBUG)
    repair_for([system("s"), user("a"), assistant("b"), user("c")])
    assert caplog.records == []


# -- tool calls ----------------------------------------------------------------------------


def test_ids_are_the_same_in_every_process_and_pairs_are_kept():
    repaired = repair_for(
        [user("q"), calling(call("call_1"), call("call_2")), result("one", "call_1"), result("two", "call_2")]
    )
    assert [each["id"] for each in repaired[1]["tool_calls"]] == ["8Em4cnv4F", "TgI9oJMUa"]
    assert [(each["tool_call_id"], each["content"]) for each in repaired[2:]] == [
        ("8Em4cnv4F", "one"),
        ("TgI9oJMUa", "two"),
    ]


def test_results_keep_the_order_they_came_in():
    repaired = repair_for(
        [user("q"), calling(call("call_1"), call("call_2")), result("two", "call_2"), result("one", "call_1")]
    )
    assert contents(repaired[2:]) == ["two", "one"]


@each_row("again", ["AbC123xyZ", "call_1", "f", ""])
def test_an_id_that_comes_again_in_a_later_turn_gets_its_own(again):
    turn = [user("q"), calling(call(again, arguments='{"n": 1}')), result("one", again), assistant("so")]
    later = [user("q"), calling(call(again, arguments='{"n": 2}')), result("two", again)]
    repaired = repair_for([*turn, *later])
    strictly_alternating(repaired)
    first, second = (message["tool_calls"][0]["id"] for message in repaired if "tool_calls" in message)
    assert first != second
    assert [(m["tool_call_id"], m["content"]) for m in repaired if m["role"] == "tool"] == [
        (first, "one"),
        (second, "two"),
    ]
    assert repair_for([*turn, user("other")])[1]["tool_calls"][0]["id"] == first


def test_a_result_answers_the_latest_open_call_with_its_id():
    repaired = repair_for([user("q"), calling(call("x")), user("again"), calling(call("x")), result("late", "x")])
    assert [m["content"] for m in repaired if m["role"] == "tool"] == [NO_RESULT, "late"]


def test_other_families_keep_ids_that_come_again_in_a_later_turn():
    history = [user("q"), calling(call("x")), result("1", "x"), calling(call("x")), result("2", "x")]
    assert [m["tool_call_id"] for m in repair_for(history, GENERIC) if m["role"] == "tool"] == ["x", "x"]


def test_both_forms_of_one_call_are_one_call():
    repaired = repair_for([user("q"), {**calling(), "function_call": {"name": "f", "arguments": "{}"}}, result()])
    assert repaired == [user("q"), calling(), result()]


def test_equal_ids_in_one_message_are_answered_in_order():
    repaired = repair_for([user("q"), calling(call("x", "f"), call("x", "g")), result("one", "x"), result("two", "x")])
    first, second = (each["id"] for each in repaired[1]["tool_calls"])
    assert [(m["tool_call_id"], m["content"]) for m in repaired[2:]] == [(first, "one"), (second, "two")]


def test_an_id_that_hashes_to_a_taken_one_gives_way():
    taken = repair_for([user("q"), calling(call("call_1")), result("x", "call_1")])[1]["tool_calls"][0]["id"]
    repaired = repair_for([user("q"), calling(call(taken), call("call_1")), result("a", taken), result("b", "call_1")])
    first, second = (each["id"] for each in repaired[1]["tool_calls"])
    assert first == taken != second
    assert [(m["tool_call_id"], m["content"]) for m in repaired[2:]] == [(first, "a"), (second, "b")]


@each_row("bad", ["AbC123xyZ\n", "AbC123xy", "AbC123xyZ0", "äbC123xyZ", "null"])
def test_near_misses_of_the_id_pattern_are_replaced(bad):
    repaired = repair_for([user("q"), calling(call(bad)), result("42", bad)])
    accepted_by_mistral(repaired)
    assert repaired[1]["tool_calls"][0]["id"] != bad


def test_a_result_without_an_id_goes_by_its_name_then_by_place():
    calls = calling(call("a", "f"), call("b", "g"))
    by_name = repair_for([user("q"), calls, {"role": "function", "name": "g", "content": "of g"}, result("of f", "a")])
    f_id, g_id = (each["id"] for each in by_name[1]["tool_calls"])
    assert [(m["tool_call_id"], m["content"]) for m in by_name[2:]] == [(g_id, "of g"), (f_id, "of f")]
    by_place = repair_for([user("q"), calls, {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}])
    assert [(m["tool_call_id"], m["content"]) for m in by_place[2:]] == [(f_id, "1"), (g_id, "2")]


def test_a_result_never_answers_a_later_call():
    repaired = repair_for([user("q"), result("early"), calling(), user("next")])
    assert "early" in repaired[0]["content"]
    assert [m["content"] for m in repaired if m["role"] == "tool"] == [NO_RESULT]


def test_calls_one_after_the_other_keep_their_own_results():
    repaired = repair_for(
        [user("q"), calling(call("a")), calling(call("b")), result("for a", "a"), result("for b", "b")]
    )
    assert roles(repaired) == ["user", "assistant", "tool", "assistant", "tool"]
    assert [m["content"] for m in repaired if m["role"] == "tool"] == ["for a", "for b"]


def test_the_same_duplicate_is_sent_once():
    assert contents(repair_for([user("q"), calling(), result("42"), result("42")]))[2:] == ["42"]


def test_a_result_has_the_name_of_its_call():
    assert repair_for([user("q"), calling(), result(name="my tool")])[2] == result(name="f")
    assert repair_for([user("q"), calling(), result(name="f")])[2] == result(name="f")
    assert repair_for([user("q"), calling(), result()])[2] == result()
    assert repair_for([user("q"), calling(), result()], GEMINI)[2] == result(name="f")


@each_row(
    ("given", "sent"),
    [
        ("", {}),
        (None, {}),
        ("null", {}),
        ({"a": 1}, {"a": 1}),
        ('{"a": "x\ny"}', {"a": "x\ny"}),  # a raw line break, as models write it
        ("[1]", {"arguments": "[1]"}),
        ('{"a": NaN}', {"arguments": '{"a": NaN}'}),
        ('{"a": "cut', {"arguments": '{"a": "cut'}),
        ("[" * 5000, {"arguments": "[" * 5000}),
    ],
)
def test_arguments_are_an_object_and_nothing_is_lost(given, sent):
    repaired = repair_for([user("q"), calling(call(arguments=given)), result()])
    assert json.loads(repaired[1]["tool_calls"][0]["function"]["arguments"]) == sent


@each_row("text", ['{"a":1}', '{ "b" : [1, 2.50], "a": "ü" }'])
def test_good_arguments_stay_as_the_model_wrote_them(text):
    assert (
        repair_for([user("q"), calling(call(arguments=text)), result()])[1]["tool_calls"][0]["function"]["arguments"]
        == text
    )


def name_sent(name, *family):
    return repair_for([user("q"), calling(call(name=name)), result()], *family)[1]["tool_calls"][0]["function"]["name"]


@each_row("known", [MIXTRAL, GENERIC, CLAUDE])
@each_row(
    ("name", "sent"),
    [
        ("a b", "a_b"),
        ("f\n", "f_"),
        ("Box[int]", "Box_int_"),
        ("größe", "gr__e_d353a267"),
        ("查询天气", "tool_22cf3c76"),
        ("x" * 65, "x" * 55 + "_9537c5fd"),
    ],
)
def test_a_function_name_that_servers_refuse_is_written_otherwise(name, sent, known):
    assert name_sent(name, known) == sent


@each_row("ids", [("", ""), ("x", "x")])
def test_results_of_equal_or_missing_ids_go_by_their_names(ids):
    calls = calling(call(ids[0], "f"), call(ids[1], "g"))
    repaired = repair_for([user("q"), calls, result("of g", ids[1], name="g"), result("of f", ids[0], name="f")])
    sent = {each["function"]["name"]: each["id"] for each in repaired[1]["tool_calls"]}
    assert [(m["tool_call_id"], m["content"]) for m in repaired[2:]] == [(sent["g"], "of g"), (sent["f"], "of f")]


def test_a_result_without_a_name_leaves_the_call_of_another_results_name():
    repaired = repair_for(
        [user("q"), calling(call("", "f"), call("", "g")), result("?", ""), result("of f", "", name="f")]
    )
    f_id, g_id = (each["id"] for each in repaired[1]["tool_calls"])
    assert [(m["tool_call_id"], m["content"]) for m in repaired[2:]] == [(g_id, "?"), (f_id, "of f")]


def test_a_result_without_its_call_keeps_its_tools_name():
    assert contents(repair_for([user("q"), result("18", "gone", name="f")])) == ["q\n\nResult of the tool f:\n18"]


def test_a_result_goes_by_the_name_its_call_had():
    sent = repair_for([user("q"), calling(call(name="a.b")), {"role": "function", "name": "a.b", "content": "18"}])
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]
    assert sent[2]["content"] == "18"


def test_claude_keeps_its_calls_where_the_request_has_tools():
    history = [user("q"), calling(), result()]
    assert repair_for(history, CLAUDE, tools=True) == history


def test_foreign_keys_of_a_call_stay_where_they_are_allowed():
    signed = {**call(), "extra_content": {"google": {"thought_signature": "x"}}}
    assert repair_for([user("q"), calling(signed), result()], GENERIC)[1]["tool_calls"] == [signed]
    assert repair_for([user("q"), calling(signed), result()])[1]["tool_calls"] == [call()]


# -- order ---------------------------------------------------------------------------------


def test_text_beside_calls_in_every_step_of_an_agent():
    history = [
        user("q"),
        calling(text="first"),
        result(),
        calling(call("BbC123xyZ"), text="second"),
        result("43", "BbC123xyZ"),
    ]
    repaired = repair_for(history)
    strictly_alternating(repaired)
    assert contents(repaired) == ["q", "first", GO_ON, None, "42", "second", GO_ON, None, "43"]
    assert repair_for(history, LATER) == history


def test_text_then_calls_in_two_messages_is_refused_by_the_template_and_repaired():
    history = [user("q"), assistant("first"), calling(), result()]
    with pytest.raises(Exception, match="tool calls and content"):
        accepted_by_mistral(history)
    assert contents(repair_for(history)) == ["q", "first", GO_ON, "", "42"]
    assert repair_for(history, LATER) == [user("q"), calling(text="first"), result()]


def test_text_then_text_beside_calls():
    repaired = repair_for([user("q"), assistant("a"), calling(text="b"), result()])
    assert contents(repaired) == ["q", "a\n\nb", GO_ON, None, "42"]


def test_an_empty_system_message_is_left_out():
    assert repair_for([system(" "), user("q"), system("")]) == [user("q")]


def test_assistants_in_a_row_are_joined():
    assert contents(repair_for([user("q"), assistant("a"), assistant("b"), user("c")])) == ["q", "a\n\nb", "c"]


def test_llama_index_sends_system_first_and_last():
    repaired = repair_for([system("be brief"), user("q"), system("answer now")])
    assert repaired == [system("be brief"), user("q\n\nanswer now")]


def test_a_system_message_between_call_and_result_does_not_part_them():
    repaired = repair_for([user("q"), calling(), system("note"), result()])
    assert roles(repaired) == ["user", "assistant", "tool", "assistant", "user"]
    assert contents(repaired)[-2:] == [UNDERSTOOD, "note"]


def test_parts_of_an_answer_are_joined_without_a_seam():
    pieces = [{"type": "text", "text": "Paris is "}, {"type": "text", "text": "warm."}]
    assert repair_for([user("q"), assistant(pieces), user("x")])[1]["content"] == "Paris is warm."


def test_what_the_model_reads_is_the_same_where_only_the_order_was_repaired():
    """Mistral's own normalizer makes the same of both: proof that joining and moving lose nothing."""
    history = [system("one"), user("a"), user("b"), assistant("d"), assistant("e"), system("two"), user("f")]
    assert tokens(repair_for(history)) == tokens(history)


def tokens(messages):
    from mistral_common.protocol.instruct.request import ChatCompletionRequest

    request = ChatCompletionRequest.model_validate({"messages": messages})
    plain = TOKENIZER._instruct_request_normalizer.from_chat_completion_request(request)
    return TOKENIZER.instruct_tokenizer.encode_instruct(plain).tokens


def test_a_user_after_the_synthesised_result_gets_an_answer_between():
    repaired = repair_for([user("q"), calling(), user("never mind")])
    assert contents(repaired) == ["q", "", NO_RESULT, UNDERSTOOD, "never mind"]


@each_row(
    "history", [[assistant("")], [system(" ")], [assistant(None), assistant("\n")], [{"role": "tool", "content": ""}]]
)
def test_almost_nothing_still_becomes_a_request(history):
    repaired = repair_for(history)
    accepted_by_mistral(repaired)
    strictly_alternating(repaired)


def test_blank_text_beside_calls_is_no_text():
    assert repair_for([user("q"), calling(text=" \n"), result()]) == [user("q"), calling(), result()]


def test_blank_users_and_results_are_kept():
    assert contents(repair_for([user(" "), calling(), result("")])) == [" ", "", ""]


# -- one message ---------------------------------------------------------------------------


@each_row("role", ["critic", "", None, "Assistant", 3])
@each_row("known", [MIXTRAL, GENERIC])
def test_an_unknown_role_is_an_error_in_every_family(role, known):
    with pytest.raises(OxenConfigError, match=r"messages\[1\]: role"):
        repair_for([user("q"), {"role": role, "content": "x"}], known)


def test_calls_belong_to_the_assistant():
    with pytest.raises(OxenConfigError, match="tool calls in a message of role 'user'"):
        repair_for([{**calling(), "role": "user"}])


@each_row(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,xx"}},
        {"type": "audio_url", "audio_url": {"url": "https://x"}},
        {"type": "video_url", "video_url": {"url": "https://x"}},
        {"type": "file", "file": {"file_url": "https://x"}},
        {"type": "image", "source": {}},
        {"type": "something_new", "x": 1},
        {"type": "image_url", "text": "a cat", "image_url": {"url": "https://x"}},  # not the caption alone
        3,
    ],
)
def test_media_for_a_text_only_model_is_named(part):
    with pytest.raises(OxenConfigError, match=r"messages\[1\]: content part 1 of type '"):
        repair_for([system("s"), user([{"type": "text", "text": "look"}, part])])


def test_pixtral_and_the_others_keep_their_images():
    image = {"type": "image_url", "image_url": {"url": "https://x"}}
    history = [user([{"type": "text", "text": "look"}, {**image, "id": "lc_1"}])]
    assert repair_for(history, PIXTRAL) == [user([{"type": "text", "text": "look"}, image])]
    assert repair_for([user([image])], GENERIC) == [user([image])]
    two = repair_for([user("a"), user([image])], PIXTRAL)
    assert two == [user([{"type": "text", "text": "a"}, image])]


IMAGE = {"type": "image_url", "image_url": {"url": "https://x"}}


@pytest.mark.parametrize(
    ("known", "note"),
    [(MIXTRAL, "the model reads text only"), (PIXTRAL, "the model does not read it here"), (GENERIC, None)],
)
def test_an_image_from_a_tool_does_not_end_the_run(known, note, caplog):
    history = [user("q"), calling(), result([{"type": "text", "text": "a photo"}, IMAGE])]
    sent = repair_for(history, known)[2]["content"]
    if note is None:
        assert sent == [{"type": "text", "text": "a photo"}, IMAGE]
        return
    assert sent == f"a photo\n\n[image left out: {note}]"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with pytest.raises(OxenConfigError, match="rule 'media'"):
        repair_for(history, known, "strict")


@each_row("kind", ["file", "audio_url", "video_url"])
def test_media_of_a_kind_that_the_model_does_not_read_is_refused_by_name(kind):
    with pytest.raises(OxenConfigError, match=rf"content part 0 of type '{kind}'.*the model does not read it"):
        repair_for([user([{"type": kind, kind: {"url": "https://x"}}])], PIXTRAL)


@each_row("part", [{"image_url": {"url": "https://x"}}, 3])
def test_a_part_without_a_type_is_an_error_in_every_family(part):
    with pytest.raises(OxenConfigError, match=r"messages\[0\]: content part 0"):
        repair_for([user([part])], GENERIC)


def test_content_that_is_neither_text_nor_parts_is_an_error():
    with pytest.raises(OxenConfigError, match="content of type int"):
        repair_for([user(3)])


@each_row("known", [MIXTRAL, GENERIC, CLAUDE])
def test_a_part_is_text_and_nothing_else(known):
    hinted = [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}, {"text": "er"}, "!"]
    assert repair_for([{"role": "system", "content": hinted}, user("x")], known)[0] == system("long\n\ner\n\n!")


def test_a_refusal_is_what_was_said():
    assert repair_for([user("q"), assistant(None, refusal="I will not."), user("why")])[1] == assistant("I will not.")


def test_a_single_speakers_name_goes_without_a_trace():
    history = [
        user("q", name="user"),
        assistant("a", name="agent"),
        user("r", name="user"),
        assistant("b", name="agent"),
        user("s"),
    ]
    assert contents(repair_for(history)) == ["q", "a", "r", "b", "s"]  # "user" says no more than the role


def test_several_speakers_are_told_apart_and_a_new_one_changes_nothing_before_him():
    history = [
        user("q", name="Ann"),
        assistant("a", name="planner"),
        user("r", name="Bob"),
        assistant("b", name="critic"),
    ]
    expected = ["Ann: q", "a", "Bob: r", "critic: b", "s", "planner: c"]
    assert contents(repair_for([*history, user("s"), assistant("c", name="planner")])) == expected
    assert contents(repair_for(history)) == expected[:4]


def test_other_families_keep_names():
    assert repair_for([user("q", name="Alice")], GENERIC) == [user("q", name="Alice")]


def test_a_prefix_of_the_callers_own_is_taken_as_it_is():
    history = [user("q"), assistant("a", prefix=True)]
    assert repair_for(history, mode="strict") == history
    assert repair_for(history, GENERIC) == [user("q"), assistant("a")]


def test_a_good_history_is_left_alone_even_in_strict_mode():
    history = [system("s"), user("q"), calling(), result(), assistant("a"), user("r")]
    assert repair_for(history, mode="strict") == history
    assert repair_for(history, GENERIC, "strict") == history
    history[2]["content"] = None
    assert repair_for(history, mode="strict") == repair_for(history, GENERIC, "strict") == history


@each_row(
    ("message", "rule"),
    [
        (user([{"type": "text", "text": "q"}]), "content-parts"),
        (user("q", name=""), "message-form"),
        (assistant("a", prefix=False), "message-form"),
        (calling({"id": "AbC123xyZ", "function": {"name": "f", "arguments": "{}"}}), "message-form"),
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
    repaired = repair_for(history)
    assert repaired != history
    with pytest.raises(OxenConfigError, match=f"rule '{rule}'"):
        repair_for(history, mode="strict")
    assert repair_for(history, mode="off") == history


def test_nothing_of_the_callers_is_shared():
    history = [user([{"type": "x", "x": {"deep": []}}]), calling(), result()]
    repaired = repair_for(history, GENERIC)
    repaired[0]["content"][0]["x"]["deep"].append(1)
    repaired[1]["tool_calls"][0]["function"]["name"] = "other"
    assert history == [user([{"type": "x", "x": {"deep": []}}]), calling(), result()]
