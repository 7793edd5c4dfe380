using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Steps;

/// <summary>RUN: a command on the layers beneath, whose changes are the layer.</summary>
internal sealed class RunStep(IStepRunner runner) : LayerStep
{
    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>The environment that belongs to the key.</summary>
    public required IReadOnlyList<string> Env { get; init; }

    /// <summary>Variables that the command gets besides: proxies.</summary>
    public required IReadOnlyList<string> HiddenEnv { get; init; }

    public required string Cwd { get; init; }

    public required string User { get; init; }

    public required StepNetwork Network { get; init; }

    public required string Hostname { get; init; }

    public override CacheKey Key => new CacheKey()
        .Add("op", "RUN").Add("args", Args).Add("env", Env).Add("cwd", Cwd).Add("user", User)
        .Add("network", Network.ToString()).Add("hostname", Hostname).Add("platform", Platform.Host.ToString());

    public override async Task RunAsync(StepSite site, CancellationToken cancellationToken)
    {
        if (site.Lowers.Count == 0)
            throw CrunException.Invalid($"there are no files that {GoText.Quote(Args[0])} could be in, as the stage starts from scratch");
        var spec = new StepSpec
        {
            Lowers = site.Lowers,
            Draft = site.Draft,
            Args = Args,
            Env = [.. Env, .. HiddenEnv],
            Cwd = Cwd,
            User = User,
            Network = Network,
            Hostname = Hostname,
        };
        var code = await RunAsync(spec, site.Output, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (code != 0)
            throw CrunException.WrongState($"process {GoText.Quote(string.Join(' ', Args))} did not complete successfully: exit code: {code}");
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
