using System.Runtime.InteropServices;
using CrunSharp.Build.Steps;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary><c>--on-fail=shell</c>: a shell where a RUN has failed.</summary>
internal sealed class FailureShell
{
    private readonly CommandContext _context;
    private readonly BuildReport _report;
    private readonly EnginePaths _paths;
    private readonly CancellationToken _cancellationToken;
    private readonly Lock _lock = new();
    private Task? _opened;

    /// <summary>Prepares.</summary>
    /// <param name="context">Where it is said that there is a shell.</param>
    /// <param name="report">What is shown, which stops for the shell.</param>
    /// <param name="paths">Where the engine keeps what it knows.</param>
    /// <param name="cancellationToken">Kills the shell.</param>
    /// <exception cref="CrunException">There is no terminal.</exception>
    public FailureShell(CommandContext context, BuildReport report, EnginePaths paths, CancellationToken cancellationToken)
    {
        if (!context.InputIsTerminal() || !context.OutputIsTerminal())
            throw CrunException.Invalid("--on-fail=shell needs a terminal: standard input and output are none");
        (_context, _report, _paths, _cancellationToken) = (context, report, paths, cancellationToken);
    }

    /// <summary>Opens the shell and waits for its end; other commands that fail meanwhile wait too, and get none.</summary>
    public Task OpenAsync(StepSpec spec)
    {
        // A thread of its own: the container dies with the thread that started it.
        lock (_lock) return _opened ??= Task.Factory.StartNew(() => Open(spec), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Open(StepSpec spec)
    {
        try
        {
            _report.Pause();
            // The shell of the command itself, unless it had none.
            var shell = spec.Args is [var first, "-c", ..] ? first : "/bin/sh";
            _context.Error.Write($"{shell} in the files of the step that failed; when it ends, the build ends\n");
            Run(spec, shell, _cancellationToken);
        }
        catch (CrunException error)
        {
            _context.Complain(error.Message);
        }
    }

    private void Run(StepSpec spec, string shell, CancellationToken cancellationToken)
    {
        using var raw = Terminal.MakeRaw(FileDescriptor.Standard(0));
        Action<TerminalSize>? resize = null;
        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ =>
        {
            if (Terminal.SizeOf(FileDescriptor.Standard(0)) is { } size) resize?.Invoke(size);
        });
        new ContainerStepRunner(_paths).RunShell(spec, shell, set => resize = set, cancellationToken);
    }
}
