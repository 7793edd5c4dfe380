using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Criu;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>How a container is written to images.</summary>
public sealed record CheckpointOptions : CriuOptions
{
    /// <summary>Earlier images that have memory which did not change since; relative to the images' directory. Null for none.</summary>
    public string? ParentPath { get; init; }

    /// <summary>Whether the container goes on afterwards.</summary>
    public bool LeaveRunning { get; init; }

    /// <summary>Whether only memory is written, ahead of a checkpoint that then is faster.</summary>
    public bool PreDump { get; init; }

    /// <summary>Whether connections that are being made are left out.</summary>
    public bool TcpSkipInFlight { get; init; }

    /// <summary>Whether files that were removed and are open get a name again.</summary>
    public bool LinkRemap { get; init; }

    /// <summary>A server that memory is sent to; null for a file.</summary>
    public (string Address, int Port)? PageServer { get; init; }

    /// <summary>A descriptor that gets a byte when memory can be asked for; null for none. It is closed.</summary>
    public int? StatusDescriptor { get; init; }
}

/// <summary>Writes a running container's processes to images, with criu.</summary>
public static class Checkpoint
{
    private const string Operation = "checkpoint";
    private const string LogName = "dump.log";

    /// <summary>Writes the images. Unless it goes on, the container is removed then, as <c>delete</c> does.</summary>
    /// <exception cref="CrunException">
    /// It does not run, criu is not there, or it failed: the container goes on, and the text has criu's error and its log's path.
    /// </exception>
    public static void Run(RuntimeContainer container, CheckpointOptions options)
    {
        using var alone = container.Lock();
        using var cgroups = container.OpenCgroups();
        using var process = container.TryOpenProcess();
        var status = container.StatusOf(process, cgroups);
        if (process is null || status is not (RuntimeStatus.Running or RuntimeStatus.Paused))
            throw CrunException.WrongState($"a {RuntimeContainer.NameOf(status)} container cannot be checkpointed", Operation);
        CriuNamespaces.Check(container.Spec, Operation);
        var program = CriuProgram.Find(Operation);
        try
        {
            Dump(container, program, process, cgroups, options);
        }
        catch (CrunException error)
        {
            if (status == RuntimeStatus.Running && cgroups.IsFrozen) cgroups.Thaw();
            throw error.Within(Operation);
        }
        if (options.LeaveRunning || options.PreDump) return;
        RuntimeContainer.End(process);
        container.Remove(runHooks: true);
    }

    private static void Dump(RuntimeContainer container, string program, PidHandle process, ContainerCgroups cgroups, CheckpointOptions options)
    {
        using var directories = CriuDirectories.Open(options, make: true, LogName);
        if (options.ParentPath is { } parent) CheckParent(directories.Images, parent);
        if (options.PreDump || options.ParentPath is not null || options.LazyPages) CheckFeatures(program, options, directories.Log);
        using var status = options.StatusDescriptor is { } number ? FileDescriptor.Adopt(number) : null;
        var request = Write(container, process, cgroups, options, directories);
        if (!options.PreDump) StreamNames.Write(directories.Images, StreamNames.Of(container.Record.Descriptors, process, request));
        using var session = CriuSession.Start(program, new CriuStart { SharesTerminal = options.ShellJob });
        session.Ask(CriuRequest.Of(options.PreDump ? CriuRequestType.PreDump : CriuRequestType.Dump, request), (answer, _) =>
        {
            if (answer.Point != "status-ready" || status is null) return;
            FileDescriptor.WriteAll(status, [0]);
            status.Dispose();
        }, directories.Log);
    }

    private static ProtobufMessage Write(RuntimeContainer container, PidHandle process, ContainerCgroups cgroups, CheckpointOptions options, CriuDirectories directories)
    {
        var spec = container.Spec;
        var request = directories.Begin(options, spec.Annotations).Number(2, (ulong)process.Pid)
            .Flag(3, options.LeaveRunning).Text(13, container.Record.Rootfs).Flag(18, options.LinkRemap).Flag(46, options.TcpSkipInFlight);
        if (options.ParentPath is { } parent) request.Text(14, parent).Flag(15, true);
        if (options.PageServer is var (address, port)) request.Message(11, new ProtobufMessage().Text(1, address).Number(2, (ulong)port));
        // Without it criu stops each process by itself.
        if (cgroups.FreezerPath is { } freezer) request.Text(44, freezer);
        CriuNamespaces.AddForDump(request, spec, process);
        if (!options.PreDump) CriuMounts.AddForDump(request, spec, process);
        return request;
    }

    // criu would go on until it fails somewhere else.
    private static void CheckFeatures(string program, CheckpointOptions options, string log)
    {
        using var session = CriuSession.Start(program, new CriuStart());
        var features = session.Ask(CriuRequest.Features(), static (_, _) => { }, log);
        if (!features.TracksMemory && (options.PreDump || options.ParentPath is not null))
            throw CrunException.Unsupported("this kernel does not tell which memory changed (CONFIG_MEM_SOFT_DIRTY): pre-dump and parent-path need that");
        if (!features.BringsPagesLater && options.LazyPages)
            throw CrunException.Unsupported("this kernel does not let criu bring memory over later (userfaultfd): lazy-pages needs that");
    }

    // criu makes a link of it, and says nothing when that leads nowhere.
    private static void CheckParent(SafeFileHandle images, string path)
    {
        if (path.StartsWith('/')) throw CrunException.Invalid($"the parent's path {path} must be relative to that of the images");
        using var directory = FileAt.TryOpen(images, path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, out var errno)
            ?? throw new CrunException(ErrorKind.NotFound, $"there are no parent images at {path}", errno: errno);
    }
}
