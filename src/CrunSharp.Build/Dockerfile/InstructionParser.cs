using System.Globalization;
using System.Runtime.InteropServices;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Makes an instruction of a logical line: one function for each keyword.</summary>
internal static class InstructionParser
{
    private static readonly string[] Keywords =
    [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
        "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ];

    /// <summary>Reads an instruction.</summary>
    /// <exception cref="CrunException">The keyword is unknown, or the arguments are wrong.</exception>
    public static Instruction Parse(LogicalLine line, char escape)
    {
        var command = CommandLine.Parse(line.Text);
        Instruction instruction = command.Name switch
        {
            "ADD" => ParseAdd(command, line.Heredocs),
            "ARG" => ParseArg(command, escape),
            "CMD" => new CmdInstruction(ParseCommand(command)),
            "COPY" => ParseCopy(command, line.Heredocs),
            "ENTRYPOINT" => new EntrypointInstruction(ParseCommand(command)),
            "ENV" => new EnvInstruction(ParsePairs(command, escape)),
            "EXPOSE" => ParseExpose(command),
            "FROM" => ParseFrom(command),
            "HEALTHCHECK" => ParseHealthcheck(command),
            "LABEL" => new LabelInstruction(ParsePairs(command, escape)),
            "MAINTAINER" => new MaintainerInstruction(ExactlyOne(command)),
            "ONBUILD" => ParseOnbuild(command, line, escape),
            "RUN" => ParseRun(command, line.Heredocs),
            "SHELL" => ParseShell(command),
            "STOPSIGNAL" => new StopSignalInstruction(ExactlyOne(command)),
            "USER" => new UserInstruction(ExactlyOne(command)),
            "VOLUME" => ParseVolume(command),
            "WORKDIR" => new WorkdirInstruction(ExactlyOne(command)),
            _ => throw CrunException.Invalid($"unknown instruction: {command.Keyword}{Suggestion.For(command.Keyword, Keywords)}").About(command.Keyword),
        };
        return instruction with
        {
            Range = line.Range,
            Original = line.Text.Trim(),
            Keyword = command.Keyword,
            Comments = line.Comments,
            IsLegacyForm = command.Name is "ENV" or "LABEL" && !CommandLine.SplitWords(command.Rest, escape)[0].Contains('=', StringComparison.Ordinal),
        };
    }

    private static FromInstruction ParseFrom(CommandLine command)
    {
        var flags = new InstructionFlags(command.Flags, "platform");
        var words = CommandLine.SplitBlanks(command.Rest);
        if (words.Count != 1 && (words.Count != 3 || !words[1].Equals("as", StringComparison.OrdinalIgnoreCase)))
            throw CrunException.Invalid("FROM requires either one or three arguments");
        var name = words.Count == 3 ? words[2].ToLowerInvariant() : null;
        if (name is not null && !IsStageName(name))
            throw CrunException.Invalid($"invalid name for build stage: {GoText.Quote(words[2])}, name can't start with a number or contain symbols").About(words[2]);
        return new FromInstruction(words[0], name, flags.Get("platform"));
    }

    private static bool IsStageName(string name) =>
        char.IsAsciiLetterLower(name[0]) && name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');

    private static RunInstruction ParseRun(CommandLine command, IReadOnlyList<Heredoc> heredocs)
    {
        var flags = new InstructionFlags(command.Flags, "mount*", "network", "security", "device*");
        if (command.Rest.Length == 0) throw AtLeastOne(command);
        OneOf("network", flags.Get("network"), "default", "none", "host");
        OneOf("security", flags.Get("security"), "sandbox", "insecure");
        var form = ParseForm(command.Rest);
        if (form.Words.Count == 0) throw AtLeastOne(command);
        return new RunInstruction(form, heredocs, flags.Get("network"), flags.Get("security"),
            flags.GetAll("mount"), flags.GetAll("device"));
    }

    private static void OneOf(string flag, string? value, params string[] allowed)
    {
        if (value is not null && !allowed.Contains(value))
            throw CrunException.Invalid($"invalid value for --{flag}: {GoText.Quote(value)}{Suggestion.For(value, allowed)}").About($"--{flag}={value}");
    }

    private static CommandForm ParseCommand(CommandLine command)
    {
        _ = new InstructionFlags(command.Flags);
        return ParseForm(command.Rest);
    }

    private static CommandForm ParseForm(string text) =>
        CommandLine.TryParseJson(text, out var words) ? new CommandForm(false, words)
        : new CommandForm(true, text.Length == 0 ? [] : [text]);

    private static CopyInstruction ParseCopy(CommandLine command, IReadOnlyList<Heredoc> heredocs)
    {
        var flags = new InstructionFlags(command.Flags, "from", "chown", "chmod", "link?", "parents?", "exclude*");
        var (sources, documents, destination) = ParseTransfer(command, heredocs);
        return new CopyInstruction(flags.Get("from") is { Length: > 0 } from ? from : null, flags.GetBoolean("parents") ?? false)
        {
            Sources = sources,
            Heredocs = documents,
            Destination = destination,
            Owner = flags.Get("chown"),
            Mode = flags.Get("chmod"),
            Link = flags.GetBoolean("link") ?? false,
            Exclude = flags.GetAll("exclude"),
        };
    }

    private static AddInstruction ParseAdd(CommandLine command, IReadOnlyList<Heredoc> heredocs)
    {
        var flags = new InstructionFlags(command.Flags, "chown", "chmod", "link?", "checksum", "keep-git-dir?", "unpack?", "exclude*");
        var (sources, documents, destination) = ParseTransfer(command, heredocs);
        return new AddInstruction(flags.Get("checksum"), flags.GetBoolean("keep-git-dir"), flags.GetBoolean("unpack"))
        {
            Sources = sources,
            Heredocs = documents,
            Destination = destination,
            Owner = flags.Get("chown"),
            Mode = flags.Get("chmod"),
            Link = flags.GetBoolean("link") ?? false,
            Exclude = flags.GetAll("exclude"),
        };
    }

    private static (List<string> Sources, List<Heredoc> Heredocs, string Destination) ParseTransfer(CommandLine command, IReadOnlyList<Heredoc> heredocs)
    {
        var isJson = CommandLine.TryParseJson(command.Rest, out var words);
        if (!isJson) words = CommandLine.SplitBlanks(command.Rest);
        if (words.Count < 2)
            throw CrunException.Invalid($"{command.Name} requires at least two arguments, but only {(words.Count == 1 ? "one was" : "none were")} provided. Destination could not be determined");
        var destination = words[^1];
        if (!isJson && Heredoc.TryParse(destination) is not null)
            throw CrunException.Invalid($"{command.Name} cannot accept a heredoc as a destination");
        var sources = new List<string>();
        var documents = new List<Heredoc>();
        foreach (var word in words.Take(words.Count - 1))
        {
            if (!isJson && Heredoc.TryParse(word) is { } opened && heredocs.LastOrDefault(h => h.Name == opened.Name) is { } document)
                documents.Add(document);
            else sources.Add(word);
        }
        return (sources, documents, destination);
    }

    private static ArgInstruction ParseArg(CommandLine command, char escape)
    {
        _ = new InstructionFlags(command.Flags);
        var arguments = new List<ArgDefault>();
        foreach (var word in CommandLine.SplitWords(command.Rest, escape))
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals == 0) throw CrunException.Invalid("ARG names can not be blank");
            arguments.Add(equals < 0 ? new ArgDefault(word, null) : new ArgDefault(word[..equals], word[(equals + 1)..]));
        }
        return arguments.Count > 0 ? new ArgInstruction(arguments) : throw AtLeastOne(command);
    }

    // "NAME=value …", or of old "NAME value with blanks": whichever the first word shows.
    private static List<NamedValue> ParsePairs(CommandLine command, char escape)
    {
        _ = new InstructionFlags(command.Flags);
        var words = CommandLine.SplitWords(command.Rest, escape);
        if (words.Count == 0) throw AtLeastOne(command);
        var pairs = new List<NamedValue>();
        if (!words[0].Contains('=', StringComparison.Ordinal))
        {
            var blank = command.Rest.AsSpan().IndexOfAny(" \t\v\f\r");
            if (blank < 0) throw CrunException.Invalid($"{command.Name} must have two arguments");
            pairs.Add(new NamedValue(command.Rest[..blank], command.Rest[blank..].TrimStart(' ', '\t', '\v', '\f', '\r')));
            return pairs;
        }
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0) throw CrunException.Invalid($"Syntax error - can't find = in {GoText.Quote(word)}. Must be of the form: name=value").About(word);
            if (equals == 0) throw CrunException.Invalid($"{command.Name} names can not be blank");
            pairs.Add(new NamedValue(word[..equals], word[(equals + 1)..]));
        }
        return pairs;
    }

    private static ExposeInstruction ParseExpose(CommandLine command)
    {
        _ = new InstructionFlags(command.Flags);
        var ports = CommandLine.SplitBlanks(command.Rest);
        if (ports.Count == 0) throw AtLeastOne(command);
        CollectionsMarshal.AsSpan(ports).Sort(StringComparer.Ordinal);
        return new ExposeInstruction(ports);
    }

    private static VolumeInstruction ParseVolume(CommandLine command)
    {
        _ = new InstructionFlags(command.Flags);
        if (!CommandLine.TryParseJson(command.Rest, out var paths)) paths = CommandLine.SplitBlanks(command.Rest);
        if (paths.Count == 0) throw AtLeastOne(command);
        var trimmed = paths.Select(static path => path.Trim()).ToList();
        return trimmed.Contains("") ? throw CrunException.Invalid("VOLUME specified can not be an empty string") : new VolumeInstruction(trimmed);
    }

    private static ShellInstruction ParseShell(CommandLine command)
    {
        _ = new InstructionFlags(command.Flags);
        if (command.Rest.Length == 0) throw AtLeastOne(command);
        if (!CommandLine.TryParseJson(command.Rest, out var shell))
            throw CrunException.Invalid($"SHELL requires the arguments to be in JSON form, like SHELL [\"/bin/bash\", \"-c\"]");
        return shell.Count > 0 ? new ShellInstruction(shell) : throw AtLeastOne(command);
    }

    private static HealthcheckInstruction ParseHealthcheck(CommandLine command)
    {
        if (command.Rest.Length == 0) throw AtLeastOne(command);
        var blank = command.Rest.AsSpan().IndexOfAny(" \t\v\f\r");
        var type = (blank < 0 ? command.Rest : command.Rest[..blank]).ToUpperInvariant();
        var rest = blank < 0 ? "" : command.Rest[blank..].TrimStart();
        if (type == "NONE")
        {
            _ = new InstructionFlags(command.Flags);
            return rest.Length == 0 ? new HealthcheckInstruction((CommandForm?)null)
                : throw CrunException.Invalid("HEALTHCHECK NONE takes no arguments");
        }
        var flags = new InstructionFlags(command.Flags, "interval", "timeout", "start-period", "start-interval", "retries");
        if (type != "CMD") throw CrunException.Invalid($"unknown type {GoText.Quote(type)} in HEALTHCHECK (try CMD)").About(blank < 0 ? command.Rest : command.Rest[..blank]);
        var form = ParseForm(rest);
        if (form.Words.Count == 0) throw CrunException.Invalid("missing command after HEALTHCHECK CMD");
        return new HealthcheckInstruction(form)
        {
            Interval = ParseInterval(flags, "interval"),
            Timeout = ParseInterval(flags, "timeout"),
            StartPeriod = ParseInterval(flags, "start-period"),
            StartInterval = ParseInterval(flags, "start-interval"),
            Retries = ParseRetries(flags.Get("retries")),
        };
    }

    private static long ParseInterval(InstructionFlags flags, string name)
    {
        if (flags.Get(name) is not { Length: > 0 } text) return 0;
        if (!GoText.TryParseDuration(text, out var duration)) throw CrunException.Invalid($"time: invalid duration {GoText.Quote(text)} on flag --{name}").About($"--{name}={text}");
        return duration is 0 or >= 1_000_000 ? duration : throw CrunException.Invalid($"interval \"{name}\" cannot be less than 1ms");
    }

    private static int ParseRetries(string? text)
    {
        if (text is null or "") return 0;
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var retries))
            throw CrunException.Invalid($"invalid number {GoText.Quote(text)} on flag --retries");
        return retries >= 0 ? retries : throw CrunException.Invalid($"--retries cannot be negative ({retries})");
    }

    private static OnbuildInstruction ParseOnbuild(CommandLine command, LogicalLine line, char escape)
    {
        _ = new InstructionFlags(command.Flags);
        if (command.Rest.Length == 0) throw AtLeastOne(command);
        var trigger = CommandLine.Parse(command.Rest).Name;
        if (trigger == "ONBUILD") throw CrunException.Invalid("chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
        if (trigger is "FROM" or "MAINTAINER") throw CrunException.Invalid($"{trigger} isn't allowed as an ONBUILD trigger");
        // What is wrong with it is said now, not in somebody else's build.
        Parse(line with { Text = command.Rest }, escape);
        return new OnbuildInstruction(command.Rest + string.Concat(line.Heredocs.Select(static h => $"\n{h.Raw}{h.Name}")));
    }

    private static string ExactlyOne(CommandLine command)
    {
        _ = new InstructionFlags(command.Flags);
        return command.Rest.Length > 0 ? command.Rest : throw CrunException.Invalid($"{command.Name} requires exactly one argument");
    }

    private static CrunException AtLeastOne(CommandLine command) =>
        CrunException.Invalid($"{command.Name} requires at least one argument");
}
