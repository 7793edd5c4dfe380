using System.Text;
using CrunSharp.Build.Progress;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Tests;

/// <summary>A store with a tiny base image, a context and a runner; all of it is gone at the end.</summary>
internal sealed class BuildFixture : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("crun-build-").FullName;

    public BuildFixture()
    {
        Directory.CreateDirectory(Context);
        Store = Store.Open(Path.Combine(_root, "store"));
        MakeBase();
    }

    public Store Store { get; }

    public string Context => Path.Combine(_root, "context");

    /// <summary>A directory outside of the context.</summary>
    public string Outside => Directory.CreateDirectory(Path.Combine(_root, "outside")).FullName;

    public ChrootRunner Runner { get; } = new();

    public RecordingProgress Progress { get; } = new();

    public ShiftedClock Clock { get; } = new();

    /// <summary>Writes a file of the context.</summary>
    public void Write(string path, string content)
    {
        var full = Path.Combine(Context, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
    }

    public BuildResult Build(string dockerfile, Func<BuildRequest, BuildRequest>? change = null, CancellationToken cancellationToken = default)
    {
        Runner.Ran.Clear();
        Progress.Clear();
        var request = new BuildRequest { ContextDirectory = Context, DockerfileContent = Encoding.UTF8.GetBytes(dockerfile) };
        return new Builder(Store, Clock).BuildAsync(change is null ? request : change(request), Runner, Progress, cancellationToken).GetAwaiter().GetResult();
    }

    /// <summary>A build whose Dockerfile is a file of the context.</summary>
    public BuildResult BuildFile(string context) => new Builder(Store, Clock).BuildAsync(
        new BuildRequest { ContextDirectory = context }, Runner, Progress, CancellationToken.None).GetAwaiter().GetResult();

    public CrunException Fail(string dockerfile, Func<BuildRequest, BuildRequest>? change = null)
    {
        var error = Assert.Throws<CrunException>(() => Build(dockerfile, change))!;
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(_root, "store", "tmp")), Is.Empty);
        return error;
    }

    public ImageConfig Config(BuildResult result) => Store.Images.Resolve(result.ImageId.ToString()).Config;

    /// <summary>What the layers from one on up have: one line for each entry with mode, owner and content.</summary>
    public string Tree(BuildResult result, int skipLayers = 1)
    {
        var text = new StringBuilder();
        foreach (var layer in Store.Images.Resolve(result.ImageId.ToString()).GetLayers().Skip(skipLayers))
        {
            text.Append("--\n");
            using var directory = layer.OpenDirectory();
            List(text, directory, "");
        }
        return text.ToString();
    }

    public void Dispose()
    {
        Store.Dispose();
        FileAt.RemoveTree(null, _root);
    }

    private static void List(StringBuilder text, Microsoft.Win32.SafeHandles.SafeFileHandle directory, string path)
    {
        foreach (var name in FileAt.List(directory).Order(StringComparer.Ordinal))
        {
            var status = FileAt.Status(directory, name);
            text.Append($"{path}/{name} {Convert.ToString(status.Mode, 8)} {status.Uid}:{status.Gid}");
            if (status.IsWhiteout) text.Append(" whiteout");
            if (status.Kind == FileKind.SymbolicLink) text.Append(" -> ").Append(FileAt.ReadSymbolicLink(directory, name));
            using var opened = status.Kind is FileKind.Directory or FileKind.Regular
                ? FileAt.Open(directory, name, Kernel.Libc.OpenFlags.O_RDONLY | Kernel.Libc.OpenFlags.O_NOFOLLOW) : null;
            if (status.Kind == FileKind.Regular) text.Append(status.Size > 100 ? " …" : $" {Read(opened!)}");
            text.Append('\n');
            if (status.Kind == FileKind.Directory) List(text, opened!, $"{path}/{name}");
        }
    }

    private static string Read(Microsoft.Win32.SafeHandles.SafeFileHandle file)
    {
        var buffer = new byte[100];
        return Encoding.UTF8.GetString(buffer, 0, RandomAccess.Read(file, buffer, 0)).Replace("\n", "\\n", StringComparison.Ordinal);
    }

    private void MakeBase()
    {
        using var draft = Store.Layers.Begin();
        foreach (var folder in (string[])["bin", "etc", "tmp", "dev", "proc", "usr", "usr/lib"]) Directory.CreateDirectory(Path.Combine(draft.Path, folder));
        File.SetUnixFileMode(Path.Combine(draft.Path, "tmp"), (UnixFileMode)0x3ff);
        File.Copy("/bin/busybox", Path.Combine(draft.Path, "bin/busybox"));
        foreach (var applet in (string[])["sh", "cat", "echo", "ls", "mkdir", "touch", "rm", "ln", "sleep", "date", "id", "stat", "true", "false", "env", "mv", "pwd"])
            File.CreateSymbolicLink(Path.Combine(draft.Path, "bin", applet), "busybox");
        File.WriteAllText(Path.Combine(draft.Path, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002:App:/home/app:/bin/sh\n");
        File.WriteAllText(Path.Combine(draft.Path, "etc/group"), "root:x:0:\napp:x:1002:\nstaff:x:50:\n");
        File.CreateSymbolicLink(Path.Combine(draft.Path, "lib"), "/usr/lib");
        var layer = Store.Layers.Commit(draft);
        Store.Images.Add(ImageJson.Write(new ImageConfig
        {
            Architecture = Platform.Host.Architecture,
            Os = "linux",
            Created = "2020-01-01T00:00:00Z",
            Config = new ContainerConfig { Env = ["PATH=/bin", "BASE=1"], Cmd = ["sh"], Labels = new Dictionary<string, string> { ["base"] = "yes" } },
            Rootfs = new RootFs { DiffIds = [layer.DiffId] },
            History = [new HistoryEntry { CreatedBy = "base", Created = "2020-01-01T00:00:00Z" }],
        }), [ImageReference.Parse("base")]);
    }
}

/// <summary>Keeps what a build told.</summary>
internal sealed class RecordingProgress : IBuildProgress
{
    private readonly List<string> _events = [];
    private readonly StringBuilder _output = new();

    public IReadOnlyList<string> Events => _events;

    public string Output => _output.ToString();

    /// <summary>The steps that were done, and those whose results were known.</summary>
    public string Steps => string.Join('\n', _events.Where(static e => !e.Contains("FROM", StringComparison.Ordinal) && !e.Contains("exporting", StringComparison.Ordinal)));

    /// <summary>Why steps were done: instruction and reason.</summary>
    public List<string> Explanations { get; } = [];

    public void Clear()
    {
        Explanations.Clear();
        _events.Clear();
        _output.Clear();
    }

    public void Started(BuildStep step) => Add($"started {step.Title}");

    public void Cached(BuildStep step) => Add($"cached {step.Title}");

    public void Finished(BuildStep step) => Add($"finished {step.Title}");

    public void Failed(BuildStep step, string reason) => Add($"failed {step.Title}: {reason}");

    public void Explained(BuildStep step, string reason)
    {
        lock (_events) Explanations.Add($"{step.Title[(step.Title.IndexOf(']', StringComparison.Ordinal) + 2)..]}: {reason}");
    }

    public void Warning(string text) => Add($"warning {text}");

    void IBuildProgress.Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_events) _output.Append(Encoding.UTF8.GetString(bytes.Span));
    }

    private void Add(string text)
    {
        lock (_events) _events.Add(text);
    }
}

/// <summary>The time, and some more.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    public TimeSpan Later { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Later;
}
