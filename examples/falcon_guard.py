"""
Run `python examples/falcon_guard.py`: a carrier for Falcon, a framework that corsguard does not support itself.

Everything about CORS happens in the guard. The carrier reads the request, asks the guard, and writes the headers back.
This is everything that a carrier has to do: enter the request, ask a source if the guard says so, send the answer to a
preflight or to a request that may not run, replace the headers of a response, and call the listener.
"""

import os
from collections.abc import Callable

import falcon

from corsguard import Event, Policies, PoliciesLike, Policy, ProtectionLike
from corsguard.adapters import Guard, Journal, Passage

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

POLICY = Policy(
    allow_origins=[PAGE_ORIGIN],
    allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type", "X-Request-Id"],
    expose_headers=["X-Word-Count"],
    allow_credentials=True,
)


class CORSMiddleware:
    """
    The guard, carried into Falcon. Put it first among the middlewares.

    Raises PolicyError if *policy* or *protection* is refused.
    """

    def __init__(
        self,
        policy: PoliciesLike,
        *,
        on_event: Callable[[Event], object] | None = None,
        protection: ProtectionLike | None = None,
    ) -> None:
        self.guard = Guard(Policies.of(policy), Journal(on_event), protection=protection)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        # A copy, because the application may change the environ.
        passage = req.context.passage = self.guard.enter(req.env.copy(), req.path)
        if not passage.comes_first:
            return
        self._decide(passage)
        if passage.answer is not None:
            resp.status = passage.answer.status
            resp.data = passage.answer.body
            for name, value in passage.answer.headers:
                resp.set_header(name, value)
            # Falcon then calls no resource, and continues with `process_response`.
            resp.complete = True

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        passage: Passage = req.context.passage
        if passage.answer is None:
            self._decide(passage)
            headers = passage.headers(resp.headers.items())
            for name in resp.headers:
                resp.delete_header(name)
            resp.set_headers(headers)
        for event in passage.take_events():
            self.guard.journal.tell(event)

    def _decide(self, passage: Passage) -> None:
        question = passage.decide()
        if question is not None:
            passage.settle(question.ask())


class Note:
    """
    One note that a page may read and change.
    """

    text = "Buy milk"

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"text": self.text}
        resp.set_header("X-Word-Count", str(len(self.text.split())))

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.text = req.get_media()["text"]
        resp.media = {"text": self.text}


application = falcon.App(middleware=[CORSMiddleware(POLICY)])
application.add_route("/notes/1", Note())


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", int(os.environ.get("PORT", "8006")), application) as server:
        print(f"http://localhost:{server.server_port}/notes/1", flush=True)
        server.serve_forever()
