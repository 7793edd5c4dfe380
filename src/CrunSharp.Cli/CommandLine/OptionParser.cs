using CrunSharp.Oci;

namespace CrunSharp.Cli.CommandLine;

/// <summary>Reads options as pflag does, the Go library that docker's command line is made with.</summary>
/// <remarks>
/// <c>--name value</c>, <c>--name=value</c>, <c>--flag=false</c>, <c>-n value</c>, <c>-nvalue</c>, <c>-n=value</c>,
/// clusters such as <c>-itp 80:80</c>, and <c>--</c>, after which all words are operands.
/// </remarks>
internal static class OptionParser
{
    /// <summary>Stores each option's value in <paramref name="target"/> and returns the words that are no options.</summary>
    /// <param name="options">The options that are known.</param>
    /// <param name="target">The record that the options fill.</param>
    /// <param name="arguments">The words.</param>
    /// <param name="stopAtOperand">Whether all words from the first operand on are operands.</param>
    /// <param name="help">Whether help was asked for; what follows the question is not read.</param>
    /// <exception cref="UsageException">An option is unknown, lacks its value, or has one of another type.</exception>
    public static List<string> Parse(Option[] options, object target, ReadOnlySpan<string> arguments, bool stopAtOperand, out bool help)
    {
        var operands = new List<string>();
        help = false;
        for (var i = 0; i < arguments.Length && !help; i++)
        {
            var word = arguments[i];
            if (word.Length < 2 || word[0] != '-')
            {
                if (stopAtOperand)
                {
                    operands.AddRange(arguments[i..]);
                    break;
                }
                operands.Add(word);
            }
            else if (word == "--")
            {
                operands.AddRange(arguments[(i + 1)..]);
                break;
            }
            else if (word[1] == '-')
            {
                Long(options, target, word, arguments, ref i, ref help);
            }
            else
            {
                Cluster(options, target, word, arguments, ref i, ref help);
            }
        }
        return operands;
    }

    private static void Long(Option[] options, object target, string word, ReadOnlySpan<string> arguments, ref int i, ref bool help)
    {
        var equals = word.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? word[2..] : word[2..equals];
        if (name.Length == 0 || name[0] == '-') throw UsageException.Syntax($"bad flag syntax: {word}");
        if (Find(options, name) is not { } option)
        {
            if (name != "help") throw UsageException.Syntax($"unknown flag: --{name}");
            help = true;
        }
        else if (equals >= 0) Store(option, target, word[(equals + 1)..]);
        else if (option.IsFlag) Store(option, target, "true");
        else if (i + 1 < arguments.Length) Store(option, target, arguments[++i]);
        else throw UsageException.Syntax($"flag needs an argument: --{name}");
    }

    private static void Cluster(Option[] options, object target, string word, ReadOnlySpan<string> arguments, ref int i, ref bool help)
    {
        for (var at = 1; at < word.Length; at++)
        {
            var letter = word[at];
            var rest = word[(at + 1)..];
            if (Find(options, letter) is not { } option)
            {
                if (letter != 'h') throw UsageException.Syntax($"unknown shorthand flag: '{letter}' in -{word[at..]}");
                help = true;
                return;
            }
            if (option.IsFlag && !rest.StartsWith('='))
            {
                Store(option, target, "true");
                continue;
            }
            if (rest.StartsWith('=')) Store(option, target, rest[1..]);
            else if (rest.Length > 0) Store(option, target, rest);
            else if (i + 1 < arguments.Length) Store(option, target, arguments[++i]);
            else throw UsageException.Syntax($"flag needs an argument: '{letter}' in -{word[at..]}");
            return;
        }
    }

    private static void Store(Option option, object target, string text)
    {
        try
        {
            option.Set(target, text);
        }
        catch (CrunException error) when (error.Kind is ErrorKind.InvalidInput)
        {
            throw option.Late
                ? UsageException.Values(error.Message)
                : UsageException.Syntax($"invalid argument \"{text}\" for \"{option.Label}\" flag: {error.Message}");
        }
    }

    private static Option? Find(Option[] options, string name)
    {
        foreach (var option in options)
        {
            if (option.Name == name) return option;
        }
        return null;
    }

    private static Option? Find(Option[] options, char letter)
    {
        foreach (var option in options)
        {
            if (option.Letter == letter) return option;
        }
        return null;
    }
}
