#: A result that holds itself is compared
def ring(length):
    first = last = []
    for _ in range(length):
        inner = []
        last.append(inner)
        last = inner
    last.append(first)
    return first

#: A ring that closes at another place | results-differ
def ring(length):
    first = last = []
    for _ in range(length):
        inner = []
        last.append(inner)
        last = inner
    last.append(last)
    return first

#: A function that is handed out is compared by its code
def multiplier(number):
    number = number
    return lambda other: other * number

#: A function that does something else | results-differ
def multiplier(number):
    return lambda other: other + number

#: A lock in a result is compared by its state
def locked(name):
    return dict(name=name, lock=threading.Lock())

#: A database in a result cannot be looked into | not-comparable
def plug():
    made = sqlite3.connect(":memory:")
    return made

#: A lock as an argument comes back from its recording
def held(lock, number):
    lock.acquire()
    try:
        return number + 1
    finally:
        lock.release()

#: A generator as an argument is followed
def drained(numbers):
    return sum(numbers)

#: So is a file
def first_line(stream):
    return next(iter(stream), "")

#: A connection as an argument cannot be recorded | not-comparable | sqlite3
def received(connection):
    return connection.total_changes > -1

#: What no test calls is not exercised | not-exercised | nothing that ran calls
def twice_returned(number):
    return 1 + number if os.fork() else -1
