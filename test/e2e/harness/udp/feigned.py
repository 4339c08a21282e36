"""Datagrams from addresses that nobody has, for four seconds, and meanwhile four of this host's own, one a second; prints after how many ms each of these
was answered, or refused ("port unreachable"), or null. Arguments: FAR PORT PREFIX COUNT RATE [NAME]. PREFIX: three octets, of this host's network; COUNT: of
addresses; RATE: datagrams a second; NAME: what is asked for, in DNS; without one it is a word."""

import json, select, socket, sys, time

far, port, prefix, count, rate = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
IP_TRANSPARENT = 19
SECONDS = 4
data = b"hello"
if len(sys.argv) > 6:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in sys.argv[6].split("."))
    data = bytes.fromhex("000101000001000000000000") + labels + bytes.fromhex("0000010001")

feigned = []
for last in range(50, 50 + count):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    one.bind((f"{prefix}.{last}", 0))
    feigned.append(one)


def ask():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.connect((far, port))
    one.send(data)
    return one, time.monotonic()


def hear(asked, seconds):
    """Whether it is over, and after how many ms."""
    one, began = asked
    if not select.select([one], [], [], seconds)[0]:
        return False, None
    try:
        one.recv(4096)
    except ConnectionRefusedError:
        pass
    return True, round((time.monotonic() - began) * 1000)


hear(ask(), 5)
asked, heard, sent = [], {}, 0
began = time.monotonic()
while time.monotonic() - began < SECONDS:
    gone = time.monotonic() - began
    while sent < gone * rate:
        try:
            feigned[sent % count].sendto(data, (far, port))
        except OSError:
            pass
        sent += 1
    if len(asked) < gone:
        asked.append(ask())
    for at, one in enumerate(asked):
        if at not in heard:
            over, ms = hear(one, 0)
            if over:
                heard[at] = ms
    time.sleep(0.002)
for at, one in enumerate(asked):
    if at not in heard:
        heard[at] = hear(one, 2)[1]
print(json.dumps([heard[at] for at in range(len(asked))]))
