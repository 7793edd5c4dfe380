using System.Collections;
using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Lifecycle;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Criu;

/// <summary>How criu is started.</summary>
internal sealed record CriuStart
{
    /// <summary>The cgroups that it works in; null for ours.</summary>
    public CgroupEntry? Cgroups { get; init; }

    /// <summary>A detached mount that it sees at <see cref="RootPath"/>, in a mount namespace of its own; null for none.</summary>
    public SafeFileHandle? Root { get; init; }

    /// <summary>An empty directory of the host.</summary>
    public string RootPath { get; init; } = "";

    /// <summary>Whether <c>/dev/null</c> is on a read-only mount in criu's mount namespace.</summary>
    public bool ProtectsMasks { get; init; }

    /// <summary>The container's standard input, output and error; null for what this process has.</summary>
    public ProcessStreams? Streams { get; init; }

    /// <summary>
    /// Directories that it shall find by descriptors of ours (<see cref="CriuSession.Folders"/>): it mounts in them, which
    /// works only with those of its own mount namespace.
    /// </summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>A detached mount that it sees at the first of <see cref="Folders"/>; null for none.</summary>
    public SafeFileHandle? FirstFolder { get; init; }

    /// <summary>Further files that it has, from <see cref="CriuSession.FirstFurther"/> on.</summary>
    public IReadOnlyList<SafeFileHandle> Further { get; init; } = [];

    /// <summary>Whether it has our standard input, output and error itself: it restores to the terminal that it has.</summary>
    public bool SharesTerminal { get; init; }
}

/// <summary>
/// A run of criu: one request over a socket of packets, in the form of protocol buffers, and what criu notifies us of
/// on the way. Docs: <c>docs/decisions/0019</c>.
/// </summary>
internal sealed class CriuSession : IDisposable
{
    private const int Entered = 1;
    private const int Opened = 2;
    private const int AtCurrentDirectory = -100;
    private const int MostAnswer = 64 * 1024;
    private const int MostOutput = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SafeFileHandle _socket;
    private readonly SafeFileHandle _output;
    private readonly int _first;
    private bool _hasEnded;

    private CriuSession(PidHandle process, SafeFileHandle socket, SafeFileHandle output, int first) =>
        (Process, _socket, _output, _first) = (process, socket, output, first);

    /// <summary>The directories of <see cref="CriuStart.Folders"/> in criu's mount namespace.</summary>
    public IReadOnlyList<SafeFileHandle> Folders { get; private set; } = [];

    /// <summary>criu's process.</summary>
    public PidHandle Process { get; }

    /// <summary>criu's descriptor of the container's standard input; those of output and error follow.</summary>
    public int FirstStream => _first + 1;

    /// <summary>criu's descriptor of the first of <see cref="CriuStart.Further"/>.</summary>
    public int FirstFurther => _first + 4;

    /// <summary>Starts criu.</summary>
    /// <exception cref="CrunException">It cannot be started.</exception>
    public static CriuSession Start(string program, CriuStart start)
    {
        var (ours, theirs) = UnixSocket.PairOfPackets();
        var output = MemoryFile.Create("criu", []);
        PidHandle? process = null;
        try
        {
            using (theirs)
            using (var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR))
            {
                // Above all that the stage has open.
                var first = 64;
                foreach (var file in (ReadOnlySpan<SafeFileHandle>)[theirs, output, .. start.Further]) first = Math.Max(first, (int)file.DangerousGetHandle() + 32);
                var plan = Write(program, start, theirs, nothing, output, first);
                using var stage = Stage.Start(plan, start.Streams?.Input, start.Streams?.Output, start.Streams?.Error);
                process = stage.WaitForProcess();
                if (start.Cgroups?.HasOthers == true)
                {
                    stage.WaitForEvent(Entered);
                    start.Cgroups.Add(process.Pid);
                    stage.Continue();
                }
                var folders = new List<SafeFileHandle>();
                if (start.Folders.Count > 0)
                {
                    stage.WaitForEvent(Opened);
                    for (var i = 0; i < start.Folders.Count; i++) folders.Add(process.CopyDescriptor(first + 4 + start.Further.Count + i));
                    stage.Continue();
                }
                stage.WaitForExec();
                return new CriuSession(process, ours, output, first) { Folders = folders };
            }
        }
        catch
        {
            ours.Dispose();
            output.Dispose();
            process?.Send(Signal.SIGKILL.Number);
            process?.Reap();
            process?.Dispose();
            throw;
        }
    }

    private static StagePlan Write(string program, CriuStart start, SafeFileHandle socket, SafeFileHandle nothing, SafeFileHandle output, int first)
    {
        var plan = new StagePlan();
        plan.For("start criu").Clone(start.Root is null ? 0 : CloneFlags.CLONE_NEWNS, start.Cgroups?.Directory);
        if (start.Cgroups?.HasOthers == true) plan.Meet(Entered);
        if (start.Root is { } root)
        {
            plan.SetPropagation("/", MountPropagation.MS_SLAVE, recursive: true);
            plan.For("attach the root file system for criu").MoveMount(plan.Inherit(root), start.RootPath);
        }
        if (start.ProtectsMasks) AddMask(plan);
        plan.For("give criu its files");
        var (theirs, none, said) = (plan.Inherit(socket), plan.Inherit(nothing), plan.Inherit(output));
        plan.CloseOnExec();
        plan.Duplicate(theirs, first);
        for (var i = 0; i < 3; i++) plan.Duplicate(i, first + 1 + i).Tolerating([Errno.EBADF]);
        for (var i = 0; i < start.Further.Count; i++) plan.Duplicate(plan.Inherit(start.Further[i]), first + 4 + i);
        OpenFolders(plan, start, first);
        if (start.Folders.Count > 0) plan.Meet(Opened);
        if (!start.SharesTerminal)
        {
            plan.Duplicate(none, 0);
            plan.Duplicate(said, 1);
            plan.Duplicate(said, 2);
        }
        plan.For($"run {program}").Execute(program, plan.Texts(["criu", "swrk", first.ToString(CultureInfo.InvariantCulture)]), plan.Texts(Variables()));
        return plan;
    }

    // The first one at last: it may be a place in which another one is.
    private static void OpenFolders(StagePlan plan, CriuStart start, int first)
    {
        for (var i = start.Folders.Count - 1; i >= 0; i--)
        {
            if (i == 0 && start.FirstFolder is { } mount) plan.MoveMount(plan.Inherit(mount), start.Folders[0]);
            var folder = plan.NewSlot();
            plan.OpenTrusted(AtCurrentDirectory, start.Folders[i], OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, folder);
            plan.Duplicate(folder, first + 4 + start.Further.Count + i);
        }
    }

    // What masked files are bound to, by the host's name: as when a container is made, its root user must not change the
    // host's mode and owner.
    private static void AddMask(StagePlan plan)
    {
        const string nothing = "/dev/null";
        var mask = plan.NewSlot();
        plan.For("make a file to mask with").CopyTree(nothing, recursive: false, mask);
        plan.SetAttributes(mask, MountAttributes.MOUNT_ATTR_RDONLY | MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NOEXEC, 0, 0, recursive: false);
        plan.MoveMount(mask, nothing);
    }

    /// <summary>Asks, and waits until it is done.</summary>
    /// <param name="request">The request.</param>
    /// <param name="notified">Is told the points that criu comes to, with the file that came along; if it throws, criu gives up.</param>
    /// <param name="log">The path of criu's log, for errors.</param>
    /// <exception cref="CrunException">criu failed, or ended.</exception>
    public CriuAnswer Ask(ProtobufMessage request, Action<CriuAnswer, SafeFileHandle?> notified, string log)
    {
        Send(request, log);
        var buffer = new byte[MostAnswer];
        for (; ; )
        {
            var length = UnixSocket.Receive(_socket, buffer, out var file);
            using (file)
            {
                if (length == 0) throw Failure(null, log);
                var answer = CriuAnswer.Parse(buffer.AsSpan(0, length));
                if (!answer.Succeeded) throw Failure(answer, log);
                if (answer.Type != CriuRequestType.Notify) return answer;
                try
                {
                    notified(answer, file);
                }
                catch
                {
                    Send(CriuRequest.Reply(goOn: false), log);
                    throw;
                }
            }
            Send(CriuRequest.Reply(goOn: true), log);
        }
    }

    /// <summary>Lets criu end: what it has half done it undoes.</summary>
    public void Dispose()
    {
        if (_hasEnded) return;
        _hasEnded = true;
        _socket.Dispose();
        if (!Process.WaitForEnd(Patience)) Process.Send(Signal.SIGKILL.Number);
        Process.Reap();
        Process.Dispose();
        _output.Dispose();
        foreach (var folder in Folders) folder.Dispose();
    }

    private void Send(ProtobufMessage message, string log)
    {
        if (!FileDescriptor.WriteAll(_socket, message.Bytes)) throw Failure(null, log);
    }

    private CrunException Failure(CriuAnswer? answer, string log)
    {
        // Before it has read the request, criu writes no log.
        if (answer is null) Process.WaitForEnd(Patience);
        var why = CriuProgram.ReadLog(log) is { } text && CriuProgram.LastErrorsIn(text) is { } logged ? $"{logged} (log: {log})"
            : CriuProgram.LastErrorsIn(Encoding.UTF8.GetString(MemoryFile.Read(_output, MostOutput)))
            ?? answer?.Message
            ?? (answer is { Error: > 0 } failed ? ((Errno)failed.Error).Describe() : "it ended without a word");
        return new CrunException(ErrorKind.System, "criu failed: " + why);
    }

    private static List<string> Variables()
    {
        var variables = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables()) variables.Add($"{variable.Key}={variable.Value}");
        return variables;
    }
}
