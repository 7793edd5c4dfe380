using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>The environment of a process as it gets it.</summary>
internal static class ProcessEnvironment
{
    private const string Home = "HOME=";

    /// <summary>Of a variable that is there twice the last one is kept, and HOME is the user's where it is not set.</summary>
    /// <param name="process">The process.</param>
    /// <param name="home">Finds the home directory of a user.</param>
    public static ProcessSpec Complete(ProcessSpec process, Func<uint, string> home)
    {
        var environment = new List<string>();
        var at = new Dictionary<string, int>();
        foreach (var variable in process.Env ?? [])
        {
            var equals = variable.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? variable : variable[..equals];
            if (at.TryGetValue(name, out var before))
            {
                environment[before] = variable;
                continue;
            }
            at.Add(name, environment.Count);
            environment.Add(variable);
        }
        if (!at.TryGetValue("HOME", out var index)) environment.Add(Home + home(process.User?.Uid ?? 0));
        else if (environment[index] is "HOME" or Home) environment[index] = Home + home(process.User?.Uid ?? 0);
        return process with { Env = environment };
    }
}
