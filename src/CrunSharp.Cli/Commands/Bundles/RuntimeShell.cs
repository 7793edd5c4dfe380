using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary>The command line of an OCI runtime, as engines call runc and crun.</summary>
internal static class RuntimeShell
{
    /// <summary>All commands.</summary>
    public static readonly CommandRow[] Rows =
    [
        new("create", Section.Common, "Make a container of a bundle; its program waits for start", static () => new CreateBundleCommand()),
        new("start", Section.Common, "Start the program of a container that was made", static () => new StartBundleCommand()),
        new("run", Section.Common, "Make a container of a bundle and start it", static () => new RunBundleCommand()),
        new("state", Section.Common, "Print a container's state", static () => new StateCommand()),
        new("kill", Section.Common, "Send a container a signal", static () => new KillBundleCommand()),
        new("delete", Section.Common, "Remove what was made for a container", static () => new DeleteCommand()),
        new("exec", Section.Common, "Run a further process in a container", static () => new ExecBundleCommand()),
        new("ps", Section.Common, "List a container's processes", static () => new ListProcessesCommand()),
        new("pause", Section.Common, "Freeze a container's processes", static () => new PauseBundleCommand()),
        new("resume", Section.Common, "Let a container's processes go on", static () => new ResumeCommand()),
        new("update", Section.Common, "Change a container's limits", static () => new UpdateBundleCommand()),
        new("events", Section.Common, "Print what a container uses, and when its memory runs out", static () => new EventsBundleCommand()),
        new("checkpoint", Section.Common, "Write a running container to images, with criu", static () => new CheckpointBundleCommand()),
        new("restore", Section.Common, "Make a container of images, with criu", static () => new RestoreBundleCommand()),
        new("features", Section.Common, "Print what this runtime can do", static () => new FeaturesCommand()),
        new("spec", Section.Common, "Write a configuration to start from", static () => new SpecCommand()),
        new("list", Section.Common, "List containers", static () => new ListBundlesCommand()),
    ];

    /// <summary>Runs a command line.</summary>
    /// <param name="program">The name that the program was called by.</param>
    /// <param name="arguments">What followed it.</param>
    /// <returns>The exit code.</returns>
    public static int Start(string program, string[] arguments)
    {
        var context = new CommandContext { Program = program };
        return context.Finish(Run(context, arguments));
    }

    /// <summary>Runs a command line, without the program's name.</summary>
    public static int Run(CommandContext context, ReadOnlySpan<string> arguments)
    {
        context.Path = context.Program;
        var global = new RuntimeOptions();
        try
        {
            var words = OptionParser.Parse(RuntimeOptions.Table, global, arguments, stopAtOperand: true, out var help);
            if (global.Version) return PrintVersion(context);
            if (help || words.Count == 0 || words[0] is "help") return HelpText.WriteTable(context, "An OCI runtime", Rows, RuntimeOptions.Table);
            foreach (var row in Rows)
            {
                if (row.Paths == words[0]) return Run(context, global, row, words);
            }
            context.Complain($"unknown command: {words[0]}");
            return ExitCodes.Failure;
        }
        catch (UsageException error)
        {
            context.Complain(error.Message);
            return ExitCodes.Failure;
        }
    }

    /// <summary>Tells of what is no failure: in the log, or on standard error.</summary>
    public static void Warn(CommandContext context, RuntimeOptions global, string message)
    {
        if (!TryLog(context, global, "warning", message)) context.Complain($"warning: {message}");
    }

    private static int Run(CommandContext context, RuntimeOptions global, CommandRow row, List<string> words)
    {
        context.Path = $"{context.Program} {words[0]}";
        var command = (RuntimeCommand)row.Create();
        command.Global = global;
        try
        {
            var operands = command.Parse(context.Path, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(words)[1..]);
            return operands is null ? HelpText.WriteCommand(context, row, command) : command.Execute(context, operands);
        }
        catch (UsageException error)
        {
            context.Complain(error.Message);
            context.Error.Write($"\nUsage:  {context.Path} {command.Synopsis}\n");
            TryLog(context, global, "error", error.Message);
            return ExitCodes.Failure;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            context.Finish(ExitCodes.Failure);
            var message = CrunException.Of(error).Message;
            TryLog(context, global, "error", message);
            context.Complain(global.Debug ? error.ToString() : message);
            return command.FailureCode;
        }
    }

    // go-runc and dockerd read these lines; docker info shows the second.
    private static int PrintVersion(CommandContext context)
    {
        context.Out.Write($"{context.Program} version {ProductVersion.Text}\ncommit: crun-sharp {ProductVersion.Text}\nspec: {RuntimeVersion.Newest}\n");
        return ExitCodes.Success;
    }

    // As logrus writes it, since engines read the last line of it: Go takes no time whose "+" is escaped.
    private static bool TryLog(CommandContext context, RuntimeOptions global, string level, string message)
    {
        if (global.Log is not { Length: > 0 } path) return false;
        var time = context.Clock.GetLocalNow().ToString("yyyy-MM-dd'T'HH:mm:sszzz", System.Globalization.CultureInfo.InvariantCulture);
        var line = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            if (global.LogIsJson)
            {
                json.WriteStartObject();
                json.WriteString("level", level);
                json.WriteString("msg", message);
                json.WriteString("time", time);
                json.WriteEndObject();
            }
            else
            {
                json.WriteStringValue(message);
            }
        }
        var text = global.LogIsJson ? Encoding.UTF8.GetString(line.WrittenSpan) : $"time=\"{time}\" level={level} msg={Encoding.UTF8.GetString(line.WrittenSpan)}";
        using var file = FileAt.TryOpen(null, path, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_APPEND, out _, 0x1a4);
        return file is not null && FileDescriptor.WriteAll(file, Encoding.UTF8.GetBytes(text + "\n"));
    }
}
