using System.Buffers;
using System.Text.Json;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>Hands the listener of a system call filter to the program that answers its notifications.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp"/>
public static class SeccompListener
{
    private const string Spec = "config-linux.md#seccomp";

    /// <summary>Connects to the filter's <c>listenerPath</c> and sends the state of the process with the listener, one message.</summary>
    /// <param name="seccomp">The filter.</param>
    /// <param name="pid">The process, as the program sees it.</param>
    /// <param name="state">The container's state, JSON.</param>
    /// <param name="listener">The listener.</param>
    /// <exception cref="CrunException">There is no path, or nobody listens there.</exception>
    public static void Send(SeccompSpec seccomp, int pid, ReadOnlySpan<byte> state, SafeFileHandle listener)
    {
        if (seccomp.ListenerPath is not { Length: > 0 } path)
            throw CrunException.Invalid("a rule notifies, and there is no listenerPath", "send the seccomp listener", Spec);
        using var socket = UnixSocket.Connect(path, "send the seccomp listener");
        UnixSocket.SendDescriptor(socket, StateOf(seccomp, pid, state), listener);
    }

    /// <summary>The message: the container process state.</summary>
    internal static byte[] StateOf(SeccompSpec seccomp, int pid, ReadOnlySpan<byte> state)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("ociVersion", "1.3.0");
            json.WriteStartArray("fds");
            json.WriteStringValue("seccompFd");
            json.WriteEndArray();
            json.WriteNumber("pid", pid);
            if (seccomp.ListenerMetadata is { Length: > 0 } metadata) json.WriteString("metadata", metadata);
            json.WritePropertyName("state");
            json.WriteRawValue(state);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
