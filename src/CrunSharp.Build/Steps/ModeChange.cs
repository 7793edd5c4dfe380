using CrunSharp.Oci;

namespace CrunSharp.Build.Steps;

/// <summary>What <c>--chmod</c> makes of permissions: an octal number, or what chmod(1) understands, such as <c>u=rwX,go=rX</c>.</summary>
/// <remarks>A letter without <c>u</c>, <c>g</c>, <c>o</c> or <c>a</c> leaves the bits of the usual umask, 022, as they are.</remarks>
/// <seealso href="https://pubs.opengroup.org/onlinepubs/9799919799/utilities/chmod.html"/>
internal sealed class ModeChange
{
    private const uint AllModes = 0xfff;
    private const uint Everybody = 0xdff; // 06777
    private const uint Sticky = 0x200;
    private const uint SetIds = 0xc00;
    private const uint Execute = 0x49;
    private const uint NotOfUmask = AllModes & ~0x12u;

    private readonly List<Change> _changes;
    private readonly string _text;

    private ModeChange(string text, List<Change> changes) => (_text, _changes) = (text, changes);

    /// <summary>Reads the value of <c>--chmod</c>.</summary>
    /// <exception cref="CrunException">It is neither.</exception>
    public static ModeChange Parse(string text)
    {
        if (text.Length > 0 && char.IsAsciiDigit(text[0]))
        {
            var digits = text.TrimStart('0');
            if (digits.Length > 4 || digits.AsSpan().ContainsAnyExceptInRange('0', '7'))
                throw CrunException.Invalid($"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777");
            var mode = digits.Length == 0 ? 0 : Convert.ToUInt32(digits, 8);
            return new ModeChange(Convert.ToString(mode, 8), [new Change('=', AllModes, AllModes, mode, '\0', false)]);
        }
        return new Reader(text).TryRead() is { } changes ? new ModeChange(text, changes)
            : throw CrunException.Invalid($"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777, or symbolic as for chmod(1)");
    }

    /// <summary>The permissions that come out.</summary>
    /// <param name="mode">The permissions before.</param>
    /// <param name="isDirectory">Whether they are a directory's, which <c>X</c> makes passable.</param>
    public uint Apply(uint mode, bool isDirectory)
    {
        // As POSIX and BuildKit: X looks at the mode as it was before all changes.
        var executes = isDirectory || (mode & Execute) != 0;
        var made = mode;
        foreach (var change in _changes)
        {
            var bits = change.Bits | (change.ExecuteIfAny && executes ? Execute : 0) | CopyOf(made, change.From);
            made = change.Operator switch
            {
                '+' => made | (bits & change.Affected),
                '-' => made & ~(bits & change.Affected),
                _ => (made & ~change.Cleared) | (bits & change.Affected),
            };
        }
        return made;
    }

    /// <summary>The text, octal numbers without leading zeros.</summary>
    public override string ToString() => _text;

    // The three bits of one class, for all three.
    private static uint CopyOf(uint mode, char from)
    {
        if (from == '\0') return 0;
        var three = (mode >> (from switch { 'u' => 6, 'g' => 3, _ => 0 })) & 7;
        return three * Execute;
    }

    private readonly record struct Change(char Operator, uint Affected, uint Cleared, uint Bits, char From, bool ExecuteIfAny);

    // [ugoa]* ([-+=] [rwxXst]* or [ugo])+ , …
    private sealed class Reader(string text)
    {
        private readonly List<Change> _changes = [];
        private int _at;

        private char Current => _at < text.Length ? text[_at] : '\0';

        public List<Change>? TryRead()
        {
            do
            {
                var who = ReadWho();
                if (Current is not ('+' or '-' or '=')) return null;
                while (Current is '+' or '-' or '=') ReadChange(text[_at++], who);
            }
            while (Current == ',' && _at++ < text.Length);
            return _at == text.Length ? _changes : null;
        }

        private uint ReadWho()
        {
            for (uint who = 0; ; _at++)
            {
                switch (Current)
                {
                    case 'u': who |= 0x9c0; break;
                    case 'g': who |= 0x438; break;
                    case 'o': who |= 7; break;
                    case 'a': who |= Everybody; break;
                    default: return who;
                }
            }
        }

        private void ReadChange(char op, uint who)
        {
            uint bits = 0;
            var executeIfAny = false;
            var isFirst = true;
            // Set-id and sticky bits are nobody else's.
            var hasSpecial = who == 0 || (who & ~7u) != 0;
            for (; ; _at++)
            {
                switch (Current)
                {
                    case 'r': bits |= 0x124; break;
                    case 'w': bits |= 0x92; break;
                    case 'x': bits |= Execute; break;
                    case 'X': executeIfAny = true; break;
                    case 's': bits |= hasSpecial ? SetIds : 0; break;
                    case 't': bits |= hasSpecial ? Sticky : 0; break;
                    case 'u' or 'g' or 'o':
                        Add(text[_at]);
                        break;
                    default:
                        if (isFirst || bits != 0 || executeIfAny) Add('\0');
                        return;
                }
            }

            // A second part of the same "=" adds to the first.
            void Add(char from)
            {
                var sticky = bits & Sticky;
                var affected = who == 0 ? NotOfUmask : who | sticky;
                _changes.Add(new Change(op == '=' && !isFirst ? '+' : op, affected, (who == 0 ? Everybody : who) | sticky, bits, from, executeIfAny));
                (bits, executeIfAny, isFirst) = (0, false, false);
            }
        }
    }
}
