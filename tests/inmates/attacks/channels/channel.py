"""The two ends of a covert channel. `prepare` makes the receiver ready, `send` sends one bit, `receive` says whether it
came. Each end says `ready`, `sent`, `seen` or `nothing` and waits for a line of its standard input before it goes on, so
that whoever runs them decides the order. What the jail refuses (OSError) sends nothing."""
import os
import sys


def attempt(act, *arguments):
    try:
        return act(*arguments)
    except OSError as e:
        print("refused:", e, file=sys.stderr)
        return None


def run(send, receive, prepare=lambda: None):
    def sender(go, say):
        say("ready")
        go()
        kept = attempt(send)
        say("sent")
        go()
        del kept

    def receiver(go, say):
        state = attempt(prepare)
        say("ready")
        go()
        say("seen" if attempt(receive, state) else "nothing")

    if sys.argv[1] == "both":
        both(sender, receiver)
    else:
        role = {"send": sender, "receive": receiver}[sys.argv[1]]
        role(sys.stdin.readline, lambda word: print(word, flush=True))


def both(sender, receiver):
    """The control: both ends as two processes of one jail."""
    ends = []
    for role in (receiver, sender):
        there, here = os.pipe(), os.pipe()
        if os.fork() == 0:
            asked, said = os.fdopen(there[0]), os.fdopen(here[1], "w")
            role(asked.readline, lambda word: print(word, file=said, flush=True))
            os._exit(0)
        ends.append((os.fdopen(there[1], "w"), os.fdopen(here[0])))
    (to_receiver, from_receiver), (to_sender, from_sender) = ends
    from_receiver.readline(), from_sender.readline()
    print("\n", file=to_sender, end="", flush=True), from_sender.readline()
    print("\n", file=to_receiver, end="", flush=True)
    print(from_receiver.readline(), end="", flush=True)
    print("\n", file=to_sender, end="", flush=True)
