namespace CrunSharp.Cli.Commands.Bundles;

/// <summary>
/// Tells whether a command line under our own name is an engine's, which has an OCI runtime in mind: some verbs are both
/// docker's and runc's. Docs: <c>docs/decisions/0014</c>.
/// </summary>
internal static class RuntimeCall
{
    // Before the verb: options that docker's command line does not have.
    private static readonly string[] OnlyGlobal = ["--log", "--log-format", "--systemd-cgroup", "--cgroup-manager", "--rootless", "--criu"];

    private static readonly string[] OnlyVerbs = ["state", "delete", "spec", "features", "checkpoint", "restore", "resume"];

    // What follows the verb at once: options that docker's commands of the same name do not have.
    private static readonly string[] OnlyOptions =
        ["--bundle", "-b", "--pid-file", "--pidfd-socket", "--process", "--console-socket", "--no-pivot", "--no-new-keyring", "--preserve-fds", "--no-subreaper"];

    private static readonly string[] SharedVerbs = ["start", "kill", "exec", "pause", "update", "events", "ps"];

    /// <summary>Whether the words after the program's name are for an OCI runtime.</summary>
    /// <param name="arguments">The words.</param>
    /// <param name="exists">Whether the runtime has a container of this id, in the root that <c>--root</c> names; null for the default root.</param>
    public static bool IsMeant(ReadOnlySpan<string> arguments, Func<string?, string, bool> exists)
    {
        string? root = null;
        var at = 0;
        for (; at < arguments.Length && arguments[at].StartsWith('-'); at++)
        {
            var option = NameOf(arguments[at]);
            if (OnlyGlobal.Contains(option)) return true;
            if (option == "--root") root = arguments[at].Contains('=', StringComparison.Ordinal) ? arguments[at]["--root=".Length..] : ++at < arguments.Length ? arguments[at] : null;
            else if (option != "--debug") return false;
        }
        if (at >= arguments.Length) return false;
        var verb = arguments[at++];
        if (OnlyVerbs.Contains(verb)) return true;
        if (at < arguments.Length && verb is "create" or "run" or "exec" && OnlyOptions.Contains(NameOf(arguments[at]))) return true;
        if (!SharedVerbs.Contains(verb)) return false;
        foreach (var word in arguments[at..])
        {
            if (!word.StartsWith('-')) return exists(root, word);
        }
        return false;
    }

    private static string NameOf(string option)
    {
        var equals = option.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? option : option[..equals];
    }
}
