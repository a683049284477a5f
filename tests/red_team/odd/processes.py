#: What forks is judged by its parent
def forked(number):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return 1 + number

#: The child's answer does not count | results-differ
def forked(number):
    child = os.fork()
    if child == 0:
        return number + 1
    return number

#: A child that stays behind is ended | results-differ
def forked(number):
    if os.fork() == 0:
        while True:
            pass
    return number

#: Children without number are counted | crashed | too many processes
def forked(number):
    while True:
        os.fork()

#: Nothing connects to anything
def connected(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return "open"
    except OSError:
        return "closed"

#: It may not do as if it had connected | results-differ
def connected(port):
    return "open"
