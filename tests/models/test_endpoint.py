"""An OpenAI-compatible endpoint over a real connection: what works, and what goes wrong."""

import pytest
from model_server import fails, hangs, never_ends, says, serving

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
    ],
)
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
