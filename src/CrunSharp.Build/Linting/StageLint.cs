using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Linting;

/// <summary>What can be said of a stage's instructions with the variables that they see.</summary>
/// <param name="file">The Dockerfile.</param>
/// <param name="arguments">The variables of the caller and before the first FROM.</param>
/// <param name="ignore">What of the context is ignored, asked when it matters; null when there is no context.</param>
/// <param name="linter">Takes warnings.</param>
internal sealed class StageLint(ParsedDockerfile file, BuildArguments arguments, Func<DockerIgnore?> ignore, Linter linter)
{
    private static readonly string[] NoEnvironment = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

    private readonly Dictionary<StageNode, State> _states = [];

    /// <summary>Compares the platform of a stage's base image with the one that is built for.</summary>
    public void CheckBase(StageNode stage, ImageConfig image, Platform wanted)
    {
        if (image.Os == wanted.Os && image.Architecture == wanted.Architecture) return;
        var actual = $"{image.Os}/{image.Architecture}{(image.Variant is { Length: > 0 } variant ? "/" + variant : "")}";
        linter.Warn(LintRules.InvalidBaseImagePlatform, stage.Stage.From,
            $"Base image {stage.BaseName} was pulled with platform {GoText.Quote(actual)}, expected {GoText.Quote(wanted.ToString())} for current build");
    }

    /// <summary>Looks at a stage's instructions; the stage that it starts from comes before it.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="image">Its base image; null for scratch, for another stage, and for one that is not known.</param>
    /// <exception cref="CrunException">An instruction is wrong, with its place.</exception>
    public void Check(StageNode stage, ContainerConfig? image)
    {
        var state = _states[stage] = new State(stage.BaseStage is { } parent ? _states.GetValueOrDefault(parent) : null, image);
        foreach (var node in stage.Instructions)
        {
            try
            {
                Check(state, node);
            }
            catch (CrunException error)
            {
                throw DockerfileError.Within(file.Source, node.Instruction.Range, error);
            }
        }
    }

    private void Check(State state, InstructionNode node)
    {
        var written = node.Instruction;
        var instruction = written is ArgInstruction ? written : written.Expand(Expander(state, written));
        switch (instruction)
        {
            case EnvInstruction env: CheckEnv(state, env); break;
            case ArgInstruction arg: CheckArg(state, arg); break;
            case LabelInstruction when instruction.IsLegacyForm: WarnLegacy(instruction); break;
            case WorkdirInstruction workdir:
                if (!state.HasWorkdir && !workdir.Path.StartsWith('/'))
                    linter.Warn(LintRules.WorkdirRelativePath, instruction, $"Relative workdir {GoText.Quote(workdir.Path)} can have unexpected results if the base image changes");
                state.HasWorkdir = true;
                break;
            case CmdInstruction { Command: var form }: CheckCommand(state, instruction, form); break;
            case EntrypointInstruction { Command: var form }: CheckCommand(state, instruction, form); break;
            case HealthcheckInstruction: CheckOnce(state, instruction); break;
            case ShellInstruction: state.HasShell = true; break;
            case ExposeInstruction expose:
                foreach (var port in expose.Ports) CheckPort(instruction, port);
                break;
            case TransferInstruction transfer when transfer is AddInstruction || node.Source == default: CheckIgnored(transfer); break;
        }
    }

    private WordExpander Expander(State state, Instruction at) => new(file.Escape, state.LookUp, unset =>
    {
        foreach (var name in unset.Where(name => !state.IsDeclared(name) && !NoEnvironment.Contains(name)))
            linter.Warn(LintRules.UndefinedVar, at, $"Usage of undefined variable '${name}'{(Suggestion.Near(name, state.Names) is { } near ? $" (did you mean ${near}?)" : "")}");
    });

    private void CheckEnv(State state, EnvInstruction env)
    {
        foreach (var variable in env.Variables)
        {
            if (env.IsLegacyForm) WarnLegacy(env);
            CheckSecret(env, variable.Name);
        }
        foreach (var variable in env.Variables) state.SetEnvironment(variable.Name, variable.Value);
    }

    private void CheckArg(State state, ArgInstruction arg)
    {
        foreach (var (name, text) in arg.Arguments.Select(static argument => (argument.Name, argument.Default)))
        {
            CheckSecret(arg, name);
            var value = arguments.Given(name) ?? (text is null ? arguments.Global(name) : Expander(state, arg).Word(text));
            state.Declare(name, NoEnvironment.Contains(name) ? null : value);
        }
    }

    private void CheckCommand(State state, Instruction instruction, CommandForm form)
    {
        CheckOnce(state, instruction);
        if (form.IsShell && !state.HasShell)
            linter.Warn(LintRules.JsonArgsRecommended, instruction, $"JSON arguments recommended for {instruction.Keyword} to prevent unintended behavior related to OS signals");
    }

    // The one before is named: it is the one that does nothing.
    private void CheckOnce(State state, Instruction instruction)
    {
        if (state.Last.TryGetValue(instruction.Name, out var before))
            linter.Warn(LintRules.MultipleInstructionsDisallowed, before.Range, [.. before.Comments, .. instruction.Comments],
                $"Multiple {instruction.Keyword} instructions should not be used in the same stage because only the last one will be used");
        state.Last[instruction.Name] = instruction;
    }

    private void CheckPort(Instruction instruction, string port)
    {
        var parts = port.Split(':');
        var slash = parts[^1].IndexOf('/', StringComparison.Ordinal);
        var protocol = slash < 0 ? "" : parts[^1][(slash + 1)..];
        if (protocol.Any(char.IsAsciiLetterUpper))
            linter.Warn(LintRules.ExposeProtoCasing, instruction, $"Defined protocol '{port}' in EXPOSE instruction should be lowercase");
        if (parts[..^1].Any(static part => part.Length > 0))
            linter.Warn(LintRules.ExposeInvalidFormat, instruction, $"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'");
    }

    // What a "!" pattern may bring back cannot be told from the pattern alone.
    private void CheckIgnored(TransferInstruction transfer)
    {
        if (transfer.Sources.Count == 0 || ignore() is not { HasExceptions: false } rules) return;
        foreach (var source in transfer.Sources)
        {
            if (transfer is AddInstruction && (Remote.WebAddress.IsWeb(source) || Remote.GitLocation.IsGit(source))) continue;
            var path = PosixPath.Clean(source);
            if (rules.IsIgnored(path))
                linter.Warn(LintRules.CopyIgnoredFile, transfer, $"Attempting to {(transfer is AddInstruction ? "Add" : "Copy")} file {GoText.Quote(path)} that is excluded by .dockerignore");
        }
    }

    private void CheckSecret(Instruction instruction, string name)
    {
        if (SecretWords.IsSecret(name))
            linter.Warn(LintRules.SecretsUsedInArgOrEnv, instruction, $"Do not use ARG or ENV instructions for sensitive data ({instruction.Name} {GoText.Quote(name)})");
    }

    private void WarnLegacy(Instruction instruction) => linter.Warn(LintRules.LegacyKeyValueFormat, instruction,
        $"\"{instruction.Keyword} key=value\" should be used instead of legacy \"{instruction.Keyword} key value\" format");

    /// <summary>A stage as far as it was looked at.</summary>
    private sealed class State
    {
        private readonly Dictionary<string, string> _environment;
        private readonly Dictionary<string, string?> _arguments;
        private readonly List<string> _names;

        public State(State? parent, ContainerConfig? image)
        {
            _environment = new Dictionary<string, string>(parent?._environment ?? [], StringComparer.Ordinal);
            _arguments = new Dictionary<string, string?>(parent?._arguments ?? [], StringComparer.Ordinal);
            _names = [.. parent?._names ?? []];
            foreach (var variable in image?.Env ?? [])
            {
                var equals = variable.IndexOf('=', StringComparison.Ordinal);
                if (equals > 0) SetEnvironment(variable[..equals], variable[(equals + 1)..]);
            }
            if (!_environment.ContainsKey("PATH")) SetEnvironment("PATH", StageImage.DefaultPath);
            HasWorkdir = parent?.HasWorkdir ?? false;
            HasShell = parent?.HasShell ?? image?.Shell is { Count: > 0 };
        }

        /// <summary>The names that have a value, in the order in which they got one.</summary>
        public IReadOnlyList<string> Names => _names;

        /// <summary>Whether this Dockerfile said where commands run.</summary>
        public bool HasWorkdir { get; set; }

        public bool HasShell { get; set; }

        /// <summary>The last instruction of those that count once, by keyword.</summary>
        public Dictionary<string, Instruction> Last { get; } = new(StringComparer.Ordinal);

        /// <summary>Whether an ARG names it, with a value or without.</summary>
        public bool IsDeclared(string name) => _arguments.ContainsKey(name);

        /// <summary>A variable's value: ENV's before ARG's.</summary>
        public string? LookUp(string name) => _environment.GetValueOrDefault(name) ?? _arguments.GetValueOrDefault(name);

        public void SetEnvironment(string name, string value)
        {
            _environment[name] = value;
            AddName(name);
        }

        public void Declare(string name, string? value)
        {
            _arguments[name] = value;
            if (value is not null) AddName(name);
        }

        private void AddName(string name)
        {
            if (!_names.Contains(name)) _names.Add(name);
        }
    }
}
