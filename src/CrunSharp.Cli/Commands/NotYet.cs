using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands;

/// <summary>Commands whose options are understood but which nothing carries out; help does not list them.</summary>
internal static class NotYet
{
    public static CrunException Of(CommandContext context) => CrunException.Unsupported("not in this version yet", context.Verb);
}
