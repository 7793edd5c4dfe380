using CrunSharp.Oci;

namespace CrunSharp.Kernel.Sockets;

/// <summary>A message that the kernel refused.</summary>
/// <param name="Message">Which of the messages that were sent, from 0.</param>
/// <param name="Operation">What it was to do.</param>
/// <param name="Type">Its netlink type.</param>
/// <param name="Errno">The error.</param>
/// <param name="Text">What the kernel says about it (its extended acknowledgement); empty when it says nothing.</param>
public sealed record NetlinkError(int Message, string Operation, ushort Type, Errno Errno, string Text)
{
    /// <summary>The error as an exception.</summary>
    public CrunException ToException() => new(SystemCall.KindOf(Errno), Text, Operation, Errno, $"netlink(type={Type})");
}
