using System.Globalization;
using System.Text;
using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>RUN: a command on the layers beneath, whose changes are the layer.</summary>
internal sealed class RunStep(IStepRunner runner, Store store) : LayerStep
{
    private const uint SecretMode = 0x100;
    private const uint AgentMode = 0x180;
    private const string AgentVariable = "SSH_AUTH_SOCK=";

    /// <summary>What is mounted.</summary>
    public required IReadOnlyList<RunMountSource> Mounts { get; init; }

    /// <summary>The program, where the Dockerfile has it; null for none.</summary>
    public required StepFile? Script { get; init; }

    /// <summary>The secrets that the caller gives, by id.</summary>
    public required IReadOnlyDictionary<string, Func<byte[]>> Secrets { get; init; }

    /// <summary>What goes before the ids of cache mounts.</summary>
    public required string CachePrefix { get; init; }

    /// <summary>Fills a cache mount that is made, if it knows it.</summary>
    public Func<string, Microsoft.Win32.SafeHandles.SafeFileHandle, CancellationToken, bool>? Fill { get; init; }

    /// <summary>Whether it may do what the host's root may.</summary>
    public required bool IsPrivileged { get; init; }

    /// <summary>The build's own options for commands.</summary>
    public required BuildRequest Request { get; init; }

    /// <summary>The platform that the command is for.</summary>
    public required Platform Platform { get; init; }

    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>The environment that belongs to the key.</summary>
    public required IReadOnlyList<string> Env { get; init; }

    /// <summary>Variables that the command gets besides: proxies.</summary>
    public required IReadOnlyList<string> HiddenEnv { get; init; }

    public required string Cwd { get; init; }

    public required string User { get; init; }

    public required StepNetwork Network { get; init; }

    public required string Hostname { get; init; }

    public override CacheKey Key
    {
        get
        {
            var key = new CacheKey()
                .Add("op", "RUN").Add("args", Args).Add("env", Env).Add("cwd", Cwd).Add("user", User)
                .Add("network", KeyOf(Network)).Add("hostname", Hostname).Add("platform", Platform.ToString());
            if (Mounts.Count > 0) key.Add("mounts", Mounts.Select(static mount => mount.Key));
            if (Script is not null) key.Add("script", Encoding.UTF8.GetString(Script.Content.Span));
            if (IsPrivileged) key.Add("security", "insecure");
            if (Request.Host.AddedCapabilities.Count > 0) key.Add("capAdd", Request.Host.AddedCapabilities);
            if (Request.Host.DroppedCapabilities.Count > 0) key.Add("capDrop", Request.Host.DroppedCapabilities);
            if (Request.Host.NoNewPrivileges) key.Add("noNewPrivileges", "true");
            if (Network == StepNetwork.Container) key.Add("networkOf", Request.Host.NetworkOf ?? "");
            if (Request.Host.Volumes.Count > 0) key.Add("volumes", Request.Host.Volumes.Select(static volume => volume.ToString()));
            if (Request.ExtraHosts.Count > 0) key.Add("hosts", Request.ExtraHosts.Select(static host => host[..host.IndexOf(':', StringComparison.Ordinal)]));
            if (Request.Ulimits.Count > 0) key.Add("ulimits", Request.Ulimits);
            if (Request.ShmSize is { } size) key.Add("shm", size.ToString(CultureInfo.InvariantCulture));
            return key;
        }
    }

    // Which network with a way out it is changes what a command reaches, not what it is.
    private static string KeyOf(StepNetwork network) => (network == StepNetwork.User ? StepNetwork.Default : network).ToString();

    public override long Files => Mounts.Sum(static mount => mount.Files?.Node.Count ?? 0);

    public override void AddFiles(Dictionary<string, string> files)
    {
        foreach (var mount in Mounts) mount.Files?.AddTo(files, mount.Rules);
    }

    public override async Task RunAsync(StepSite site, CancellationToken cancellationToken)
    {
        if (site.Lowers.Count == 0)
            throw CrunException.Invalid($"there are no files that {GoText.Quote(Args[0])} could be in, as the stage starts from scratch");
        ForeignPrograms.Check(Platform);
        using var mounts = new StepMounts(store, new CacheMounts(store.Root), Fill);
        var (files, secretEnv) = (new List<StepFile>(), new List<string>());
        if (Script is not null) files.Add(Script);
        // Two steps that lock the same caches lock them in the same order.
        foreach (var (id, mount) in Mounts.Where(static mount => mount.Mount.Type == RunMountType.Cache)
            .Select(mount => (mount.CacheId(CachePrefix), mount)).OrderBy(static cache => cache.Item1, StringComparer.Ordinal))
            await mounts.OpenCacheAsync(mount, id, cancellationToken).ConfigureAwait(false);
        var agents = 0;
        foreach (var mount in Mounts)
        {
            if (mount.Mount.Type == RunMountType.Secret) AddSecret(mount, files, secretEnv);
            else if (mount.Mount.Type == RunMountType.Ssh) AddAgent(mount, mounts, agents++, secretEnv);
            else mounts.Add(mount, mount.CacheId(CachePrefix), cancellationToken);
        }
        foreach (var volume in Request.Host.Volumes) mounts.AddVolume(volume);
        var spec = new StepSpec
        {
            Host = Request.Host,
            Mounts = mounts.Mounts,
            Files = files,
            IsPrivileged = IsPrivileged,
            ExtraHosts = Request.ExtraHosts,
            Ulimits = Request.Ulimits,
            ShmSize = Request.ShmSize,
            Lowers = site.Lowers,
            Draft = site.Draft,
            Args = Args,
            Env = [.. Env, .. HiddenEnv, .. secretEnv],
            Cwd = Cwd,
            User = User,
            Network = Network,
            Hostname = Hostname,
        };
        var code = await RunAsync(spec, site.Output, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (code == 0) return;
        var reason = $"process {GoText.Quote(string.Join(' ', Args))} did not complete successfully: exit code: {code}";
        if (site.OnFailure is { } onFailure) await onFailure(spec, reason).ConfigureAwait(false);
        throw CrunException.WrongState(reason);
    }

    private void AddSecret(RunMountSource mount, List<StepFile> files, List<string> environment)
    {
        var of = mount.Mount;
        var id = of.Source is { Length: > 0 } source ? source : of.Id is { Length: > 0 } given ? given : PosixPath.Name(of.Target!);
        if (!Secrets.TryGetValue(id, out var read))
        {
            if (of.Required) throw CrunException.NotFound($"secret {id}: not found");
            return;
        }
        var content = read();
        if (of.Variable is { Length: > 0 } name) environment.Add($"{name}={Encoding.UTF8.GetString(content)}");
        if (of.Variable is not null && mount.Target.Length == 0) return;
        files.Add(new StepFile(mount.Target.Length > 0 ? mount.Target : $"/run/secrets/{PosixPath.Name(id)}", content, of.Mode ?? SecretMode, of.Uid, of.Gid));
    }

    // The first one is that of the environment, unless the image has its own.
    private void AddAgent(RunMountSource mount, StepMounts mounts, int number, List<string> environment)
    {
        var of = mount.Mount;
        var id = of.Id is { Length: > 0 } given ? given : "default";
        if (!Request.Agents.TryGetValue(id, out var agent))
        {
            if (of.Required) throw CrunException.NotFound($"unset ssh forward key {id}");
            return;
        }
        var target = mount.Target.Length > 0 ? mount.Target : string.Create(CultureInfo.InvariantCulture, $"/run/buildkit/ssh_agent.{number}");
        mounts.AddAgent(target, agent, of.Mode ?? AgentMode, of.Uid, of.Gid);
        if (!Env.Concat(environment).Any(static variable => variable.StartsWith(AgentVariable, StringComparison.Ordinal))) environment.Add(AgentVariable + target);
    }

    // That a program is missing is an exit code of run; a build has only failed.
    private async Task<int> RunAsync(StepSpec spec, StepOutput output, CancellationToken cancellationToken)
    {
        try
        {
            return await runner.RunAsync(spec, output, cancellationToken).ConfigureAwait(false);
        }
        catch (CrunException error) when (error.Kind is ErrorKind.CommandNotFound or ErrorKind.CommandNotExecutable)
        {
            throw CrunException.WrongState(error.Message);
        }
    }
}
