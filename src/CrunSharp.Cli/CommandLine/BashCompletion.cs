using System.Text;
using CrunSharp.Cli.Commands;

namespace CrunSharp.Cli.CommandLine;

/// <summary>The completion of command lines in bash, made from the tables.</summary>
internal static class BashCompletion
{
    private const string Start =
        """
        # bash completion of crun-sharp: source <(crun-sharp completion bash)
        _crun_sharp() {
            local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path="" word i
            local options="" values="" operand="" words=""
            for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                    --config|--log-level|--root|--run-root|-l) ((i++)); continue ;;
                    -*) continue ;;
                esac
                path=$word
                case $word in
        """;

    private const string Finish =
        """
            if [[ $current != -* && " $values " == *" $previous "* ]]; then
                COMPREPLY=($(compgen -f -- "$current"))
                return
            fi
            case $operand in
                image) words=$("${COMP_WORDS[0]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>') ;;
                any) words=$("${COMP_WORDS[0]}" ps -a --format '{{.Names}}' 2>/dev/null; "${COMP_WORDS[0]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>') ;;
                container) words=$("${COMP_WORDS[0]}" ps -a --format '{{.Names}}' 2>/dev/null) ;;
                volume) words=$("${COMP_WORDS[0]}" volume ls -q 2>/dev/null) ;;
                file) COMPREPLY=($(compgen -f -- "$current")) ;;
            esac
            [[ $current == -* ]] && words=$options
            COMPREPLY+=($(compgen -W "$words" -- "$current"))
            if declare -F __ltrim_colon_completions > /dev/null; then __ltrim_colon_completions "$current"; fi
        }
        complete -o default -F _crun_sharp crun-sharp
        """;

    /// <summary>The script.</summary>
    public static string Write()
    {
        var text = new StringBuilder(Start).Append('\n');
        text.Append("            ").AppendJoin('|', Groups().Where(static name => !name.Contains(' ', StringComparison.Ordinal))).Append(") [[ ${COMP_WORDS[i+1]} != -* && i -lt $((COMP_CWORD-1)) ]] && path=\"$word ${COMP_WORDS[i+1]}\" ;;\n");
        text.Append("        esac\n        case $path in\n");
        foreach (var group in CommandTable.Groups)
            if (!group.IsTop) text.Append($"            \"{group.Name}\") [[ ${{COMP_WORDS[i+2]}} != -* && i -lt $((COMP_CWORD-2)) ]] && path=\"$path ${{COMP_WORDS[i+2]}}\" ;;\n");
        text.Append("        esac\n        break\n    done\n    case $path in\n");
        text.Append("        \"\") options=\"").AppendJoin(' ', Names(GlobalOptions.Table)).Append("\" words=\"").AppendJoin(' ', Verbs("")).Append("\" ;;\n");
        foreach (var group in Groups())
            text.Append($"        \"{group}\") words=\"").AppendJoin(' ', Verbs(group)).Append("\" ;;\n");
        foreach (var row in CommandTable.Rows)
        {
            if (row.Section == Section.Hidden) continue;
            var command = row.Create();
            text.Append("        \"").Append(row.Paths.Replace("|", "\"|\"", StringComparison.Ordinal)).Append("\")");
            text.Append(" options=\"").AppendJoin(' ', Names(command.Options)).Append('"');
            text.Append(" values=\"").AppendJoin(' ', Names(Array.FindAll(command.Options, static o => !o.IsFlag))).Append('"');
            text.Append(" operand=").Append(OperandOf(command.Synopsis)).Append(" ;;\n");
        }
        return text.Append("    esac\n").Append(Finish).Append('\n').ToString();
    }

    private static IEnumerable<string> Groups() => CommandTable.Groups.Where(static g => g.HasVisible).Select(static g => g.Name);

    private static IEnumerable<string> Verbs(string noun)
    {
        foreach (var row in CommandTable.Rows)
        {
            if (row.Section != Section.Hidden && row.VerbOf(noun) is { } verb) yield return verb;
        }
        foreach (var group in CommandTable.Groups)
        {
            if (noun.Length == 0 ? group is { IsTop: true, HasVisible: true } : group.VerbOf(noun) is not null) yield return noun.Length == 0 ? group.Name : group.VerbOf(noun)!;
        }
    }

    private static IEnumerable<string> Names(Option[] options)
    {
        foreach (var option in options)
        {
            if (option.Hidden) continue;
            yield return "--" + option.Name;
            if (option.Letter != '\0') yield return "-" + option.Letter;
        }
    }

    // What an operand is, by the word that the synopsis has for it; the first that it has counts.
    private static readonly (string Word, string Kind)[] Operands =
    [
        ("IMAGE", "image"), ("REPOSITORY", "image"), ("NAME[:TAG", "image"), ("MANIFEST", "image"),
        ("CONTAINER", "container"), ("NAME|ID", "any"), ("VOLUME", "volume"), ("FILE", "file"), ("PATH", "file"),
    ];

    private static string OperandOf(string synopsis)
    {
        foreach (var (word, kind) in Operands)
        {
            if (synopsis.Contains(word, StringComparison.Ordinal)) return kind;
        }
        return "\"\"";
    }
}
