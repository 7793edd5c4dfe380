namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>RUN: a command whose changes become a layer.</summary>
/// <param name="Command">The command.</param>
/// <param name="Heredocs">The documents that follow it.</param>
/// <param name="Network">The value of <c>--network</c>: default, none or host.</param>
/// <param name="Security">The value of <c>--security</c>: sandbox or insecure.</param>
/// <param name="Mounts">The values of <c>--mount</c>, as written.</param>
/// <param name="Devices">The values of <c>--device</c>.</param>
public sealed record RunInstruction(CommandForm Command, IReadOnlyList<Heredoc> Heredocs, string? Network, string? Security,
    IReadOnlyList<string> Mounts, IReadOnlyList<string> Devices) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "RUN";

    /// <summary>What <see cref="Mounts"/> say, as far as it is known before variables are replaced.</summary>
    internal IReadOnlyList<RunMount> MountList { get; private init; } = [.. Mounts.Select(static mount => RunMount.Parse(mount, null))];

    /// <summary>The command with its heredocs: a lone one is the script itself, others go to the shell as they are.</summary>
    internal CommandForm CommandWithHeredocs
    {
        get
        {
            if (Heredocs.Count == 0) return Command;
            var line = Command.Words[0];
            return Heredoc.TryParse(line) is not null
                ? new CommandForm(true, [Heredocs[0].Content])
                : new CommandForm(true, [line + string.Concat(Heredocs.Select(static h => $"\n{h.Raw}{h.Name}"))]);
        }
    }

    /// <inheritdoc/>
    internal override Instruction Expand(WordExpander expand) =>
        this with { MountList = [.. Mounts.Select(mount => RunMount.Parse(mount, expand.Word))], Devices = Expand(Devices, expand) };
}
