using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.General;

/// <summary><c>version</c>: what this is, in docker's schema; client and server are the same program.</summary>
internal sealed class VersionCommand : Command
{
    private const string LeastDockerApi = "1.24";

    private static readonly Option[] Table =
    [
        new Value<VersionCommand>("format", 'f', "string", "json, or a Go template", static (o, v) => o._format = v),
    ];

    private string? _format;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_format is null) Write(context.Out);
        else context.Out.Write(Template.Parse(_format == "json" ? "{{json .}}" : _format).Execute(Document()) + "\n");
        return ExitCodes.Success;
    }

    private static void Write(TextWriter output) => output.Write(
        "crun-sharp:\n"
        + " Version:           " + ProductVersion.Text + "\n"
        + " API version:       " + ProductVersion.DockerApi + "\n"
        + " OS/Arch:           " + Platform.Host + "\n");

    private static DomObject Document()
    {
        var client = new DomObject
        {
            ["Platform"] = new DomObject { ["Name"] = "crun-sharp" },
            ["Version"] = ProductVersion.Text,
            ["ApiVersion"] = ProductVersion.DockerApi,
            ["DefaultAPIVersion"] = ProductVersion.DockerApi,
            ["APIVersion"] = ProductVersion.DockerApi,
            ["Os"] = Platform.Host.Os,
            ["Arch"] = Platform.Host.Architecture,
            ["Context"] = "default",
        };
        var server = new DomObject
        {
            ["Platform"] = new DomObject { ["Name"] = "crun-sharp" },
            ["Version"] = ProductVersion.Text,
            ["ApiVersion"] = ProductVersion.DockerApi,
            ["APIVersion"] = ProductVersion.DockerApi,
            ["MinAPIVersion"] = LeastDockerApi,
            ["Os"] = Platform.Host.Os,
            ["Arch"] = Platform.Host.Architecture,
            ["KernelVersion"] = Environment.OSVersion.Version.ToString(),
        };
        return new DomObject { ["Client"] = client, ["Server"] = server };
    }
}
