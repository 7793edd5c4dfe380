namespace CrunSharp.Runtime.Seccomp;

/// <summary>
/// Calls that 32-bit x86 programs can also make through <c>socketcall</c> and <c>ipc</c>, whose first argument says
/// which is meant and whose other arguments are in memory.
/// </summary>
internal static class MultiplexedCalls
{
    /// <summary>The call through which another can be made as well, and its number there; null for all others.</summary>
    public static (string Through, ulong Number)? Find(string name) => name switch
    {
        "socket" => ("socketcall", 1),
        "bind" => ("socketcall", 2),
        "connect" => ("socketcall", 3),
        "listen" => ("socketcall", 4),
        "accept" => ("socketcall", 5),
        "getsockname" => ("socketcall", 6),
        "getpeername" => ("socketcall", 7),
        "socketpair" => ("socketcall", 8),
        "send" => ("socketcall", 9),
        "recv" => ("socketcall", 10),
        "sendto" => ("socketcall", 11),
        "recvfrom" => ("socketcall", 12),
        "shutdown" => ("socketcall", 13),
        "setsockopt" => ("socketcall", 14),
        "getsockopt" => ("socketcall", 15),
        "sendmsg" => ("socketcall", 16),
        "recvmsg" => ("socketcall", 17),
        "accept4" => ("socketcall", 18),
        "recvmmsg" => ("socketcall", 19),
        "sendmmsg" => ("socketcall", 20),
        "semop" => ("ipc", 1),
        "semget" => ("ipc", 2),
        "semctl" => ("ipc", 3),
        "semtimedop" => ("ipc", 4),
        "msgsnd" => ("ipc", 11),
        "msgrcv" => ("ipc", 12),
        "msgget" => ("ipc", 13),
        "msgctl" => ("ipc", 14),
        "shmat" => ("ipc", 21),
        "shmdt" => ("ipc", 22),
        "shmget" => ("ipc", 23),
        "shmctl" => ("ipc", 24),
        _ => null,
    };

    /// <summary>
    /// The same rule for the call through which another can be made. A rule with conditions cannot be followed there:
    /// one that allows is left out, one that refuses refuses all.
    /// </summary>
    public static ArgumentRule? Translate(ArgumentRule rule, ulong number, bool allows) =>
        rule.Tests.Count > 0 && allows
            ? null
            // ipc has a version in the upper bits of the number.
            : new ArgumentRule(rule.Verdict, [new ArgumentTest(0, ArgumentOperator.MaskedEqual, number, 0xffff)]);
}
