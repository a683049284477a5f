"""An OpenAI-compatible endpoint over a real connection: what works, and what goes wrong."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from model_server import (
    drips,
    fails,
    hangs,
    never_ends,
    never_ends_a_line,
    says,
    sends_elsewhere,
    serving,
    streams,
    understands_all_but,
)

from perfbot.optimizer.endpoint import Endpoint, Price
from perfbot.optimizer.models import Finish, Message, ModelError, Priority, Role, Sampling

KEY = "sk-very-secret"
ASKED = [Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hello?")]


def endpoint(url: str, **settings) -> Endpoint:
    return Endpoint(url, "tiny", KEY, **settings)


def test_a_reply_comes_with_what_it_cost() -> None:
    with serving(says("Hello, here I am.", logprobs=(-0.1, -0.2))) as server:
        reply = endpoint(server.url, price=Price(1.0, 2.0)).ask(ASKED, Sampling(max_tokens=64))
    assert (reply.text, reply.finish) == ("Hello, here I am.", Finish.STOP)
    assert (reply.usage.tokens_in, reply.usage.tokens_out) == (100, 50)
    assert reply.usage.usd == pytest.approx(200 / 1e6)
    assert reply.logprobs == (-0.1, -0.2)
    assert reply.latency_s > 0


def test_a_server_that_counts_no_tokens_does_not_make_them_free() -> None:
    with serving(streams({"content": "word " * 34})) as server:
        usage = endpoint(server.url, price=Price(1.0, 1.0)).ask(ASKED, Sampling()).usage
    assert (usage.tokens_in, usage.tokens_out) == (5, 50)
    assert usage.usd == pytest.approx(55 / 1e6)


def test_the_conversation_and_the_sampling_are_sent() -> None:
    sampling = Sampling(
        max_tokens=7, temperature=0.5, stop=("[/SUGG]",), seed=3, priority=Priority.PERSON
    )
    with serving(says("x")) as server:
        endpoint(server.url, priorities=True).ask(ASKED, sampling)
    (sent,) = server.requests
    assert [each["role"] for each in sent["messages"]] == ["system", "user"]
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (7, 0.5, 3)
    assert (sent["stop"], sent["priority"], sent["model"]) == (["[/SUGG]"], 0, "tiny")
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    with serving(fails(status), says("at last")) as server:
        assert endpoint(server.url).ask(ASKED, Sampling()).text == "at last"
    assert len(server.requests) == 2


def test_a_cut_reply_says_so() -> None:
    with serving(says("def f(", finish="length")) as server:
        assert endpoint(server.url).ask(ASKED, Sampling()).finish is Finish.LENGTH


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (fails(401, '{"error": {"message": "Incorrect API key: sk-very-secret"}}'), "401"),
        (fails(404, "<html>Not here</html>", "text/html"), "404"),
        (fails(200, "<html><body>Welcome</body></html>", "text/html"), "no event"),
        (fails(200, 'data: {"id": "c", "choices": [{"del', "text/event-stream"), ""),
        (fails(200, "data: [1, 2, 3]\n\n", "text/event-stream"), ""),
        (fails(200, "", "text/event-stream"), "no event"),
        (says(""), "empty answer"),
        (says(" \n", finish="content_filter"), "refused"),
        (never_ends, "characters were sent"),
        (never_ends_a_line, "bytes were sent"),
        (fails(200, "data: <html>Welcome</html>\n\n", "text/event-stream"), "no JSON"),
        (fails(200, 'data: {"choices": [{"delta": 3}]}\n\n', "text/event-stream"), "another form"),
        (streams({"content": "x"}, rest='data: {"error": {"message": "out of memory"}}\n\n'),
         "out of memory"),
        (streams({"refusal": "I cannot "}, {"refusal": "help with it."}),
         "refused: I cannot help with it."),
        (streams({"tool_calls": [{"index": 0, "id": "1", "type": "function",
                                  "function": {"name": "run_shell", "arguments": "{}"}}]},
                 finish="tool_calls"), "called a tool (run_shell), but it was offered none"),
        (streams({"reasoning_content": "hm"}, finish="length"), "100 tokens went into reasoning"),
        (streams({"content": "<think>hm, let me"}, finish="length"), "went into reasoning"),
        (streams({"content": "<think>done</think>"}), "empty answer"),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_an_error_that_names_the_model_and_no_key(handler, why: str) -> None:
    with serving(handler) as server, pytest.raises(ModelError) as raised:
        endpoint(server.url).ask(ASKED, Sampling(max_tokens=100))
    told = str(raised.value)
    assert why in told
    assert "openai:tiny" in told
    assert KEY not in told


def test_an_endpoint_that_is_down_is_said(free_port: int) -> None:
    with pytest.raises(ModelError, match="gave no reply"):
        endpoint(f"http://127.0.0.1:{free_port}/v1").ask(ASKED, Sampling())


def test_an_endpoint_that_is_too_slow_is_given_up() -> None:
    with serving(hangs) as server, pytest.raises(ModelError, match=r"timed out|no end"):
        endpoint(server.url, timeout_s=0.3).ask(ASKED, Sampling())


def test_a_key_is_never_shown() -> None:
    assert KEY not in repr(endpoint("http://localhost/v1"))


def test_a_hundred_thousand_tokens_are_cut_off_before_they_fill_the_memory() -> None:
    with serving(says("a word " * 100_000)) as server, pytest.raises(ModelError, match="were sent"):
        endpoint(server.url).ask(ASKED, Sampling(max_tokens=4096))


def test_a_server_that_only_says_that_it_is_still_there_is_given_up() -> None:
    with serving(drips) as server, pytest.raises(ModelError, match="no end after"):
        endpoint(server.url, timeout_s=0.5).ask(ASKED, Sampling())


def test_what_a_reasoning_model_says_to_itself_is_no_part_of_the_reply() -> None:
    apart = streams({"reasoning_content": "Let me see."}, {"reasoning": "Ah."}, {"content": "Yes."})
    inline = streams({"content": "<think>Let me "}, {"content": "see.</think>\n\nYes."})
    for handler in (apart, inline):
        with serving(handler) as server:
            assert endpoint(server.url).ask(ASKED, Sampling()).text.strip() == "Yes."


def test_a_reply_that_a_server_took_for_reasoning_as_a_whole_is_the_reply() -> None:
    with serving(streams({"reasoning_content": "Yes."})) as server:
        assert endpoint(server.url).ask(ASKED, Sampling()).text == "Yes."


def test_a_reply_ends_before_its_stop_even_where_the_server_does_not_end_it() -> None:
    with serving(says("a plan [/SUGG] and more")) as server:
        reply = endpoint(server.url).ask(ASKED, Sampling(stop=("[/SUGG]",)))
    assert reply.text == "a plan "


SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}


def test_a_schema_goes_along_where_it_is_asked_for() -> None:
    with serving(says("{}")) as server:
        endpoint(server.url).ask(ASKED, Sampling(schema=SCHEMA, logprobs=True))
        endpoint(server.url).ask(ASKED, Sampling())
    wanted, plain = server.requests
    assert wanted["response_format"]["type"] == "json_schema"
    assert wanted["response_format"]["json_schema"]["schema"] == SCHEMA
    assert wanted["logprobs"] is True
    assert not plain.keys() & {"response_format", "logprobs", "priority"}


@pytest.mark.parametrize("told", ["unknown parameter: {name}", "Bad request"])
def test_a_server_without_structured_output_is_asked_without_from_then_on(told: str) -> None:
    with serving(understands_all_but("response_format", "logprobs", told=told)) as server:
        model, wanted = endpoint(server.url), Sampling(schema=SCHEMA, logprobs=True)
        for _ in range(2):
            assert model.ask(ASKED, wanted).text == "understood"
    assert not server.requests[-2].keys() & {"response_format", "logprobs"}
    assert not server.requests[-1].keys() & {"response_format", "logprobs"}
    assert len(server.requests) <= 4


def test_a_model_that_wants_max_completion_tokens_gets_them() -> None:
    told = "Unsupported parameter: '{name}' is not supported with this model."
    handler = understands_all_but("max_tokens", "temperature", "stop", told=told)
    with serving(handler) as server:
        model = endpoint(server.url)
        assert model.ask(ASKED, Sampling(max_tokens=9, stop=("nd",))).text == "u"
        model.ask(ASKED, Sampling(max_tokens=9))
    assert len(server.requests) == 5
    assert server.requests[-1]["max_completion_tokens"] == 9
    assert not server.requests[-1].keys() & {"max_tokens", "temperature"}


def test_what_a_server_refuses_for_another_reason_is_not_blamed_on_the_question() -> None:
    too_long = fails(400, '{"error": {"message": "too long; reduce the messages or max_tokens"}}')
    with serving(too_long, too_long, says("fine")) as server:
        model = endpoint(server.url)
        with pytest.raises(ModelError, match="too long"):
            model.ask(ASKED, Sampling())
        assert model.ask(ASKED, Sampling()).text == "fine"
    assert "max_tokens" in server.requests[-1]


def test_several_threads_may_ask_one_endpoint() -> None:
    with serving(understands_all_but("logprobs")) as server, ThreadPoolExecutor(8) as threads:
        model = endpoint(server.url)
        asked = [threads.submit(model.ask, ASKED, Sampling(logprobs=True)) for _ in range(16)]
        assert {each.result().text for each in asked} == {"understood"}


def test_a_redirect_is_not_followed() -> None:
    """What is asked holds source code; it goes where the operator said, and the key too."""
    with serving(says("mine")) as other, serving(sends_elsewhere(other.url)) as server:
        with pytest.raises(ModelError, match="307"):
            endpoint(server.url).ask(ASKED, Sampling())
        assert other.requests == []


@pytest.mark.parametrize(
    "handler", [says("fine"), fails(401, '{"error": "sk-very-secret?"}'), hangs]
)
def test_a_key_is_never_logged(handler, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(handler) as server, suppress(ModelError):
        endpoint(server.url, timeout_s=1).ask(ASKED, Sampling())
    assert caplog.records
    assert KEY not in caplog.text
    assert not any(KEY in str(each.args) for each in caplog.records)
