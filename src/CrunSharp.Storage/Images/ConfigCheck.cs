using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>Refuses configurations whose values no container could be given.</summary>
public static class ConfigCheck
{
    private const int MostLayers = 1024;

    /// <summary>Checks one.</summary>
    /// <exception cref="CrunException">A value is malformed, or there are too many layers.</exception>
    public static void Check(ImageConfig config)
    {
        if (config.Rootfs.Type != "layers") throw Refused($"rootfs.type is \"{config.Rootfs.Type}\", not \"layers\"");
        if (config.Rootfs.DiffIds.Count > MostLayers) throw Refused($"it has {config.Rootfs.DiffIds.Count} layers, more than {MostLayers}");
        if (config.Config is not { } container) return;
        CheckText("User", container.User);
        CheckText("WorkingDir", container.WorkingDir);
        CheckText("StopSignal", container.StopSignal);
        CheckList("Cmd", container.Cmd);
        CheckList("Entrypoint", container.Entrypoint);
        CheckList("Env", container.Env);
        for (var i = 0; i < container.Env?.Count; i++)
        {
            if (container.Env[i].IndexOf('=', StringComparison.Ordinal) <= 0) throw Refused($"config.Env[{i}] is not NAME=VALUE");
        }
        foreach (var volume in container.Volumes?.Keys ?? [])
        {
            CheckText("Volumes", volume);
            if (volume.Split('/').Contains("..")) throw Refused($"config.Volumes: \"{volume}\" leads upwards");
        }
    }

    private static void CheckList(string name, IReadOnlyList<string>? values)
    {
        for (var i = 0; i < values?.Count; i++) CheckText($"{name}[{i}]", values[i]);
    }

    private static void CheckText(string name, string? value)
    {
        if (value?.Contains('\0') == true) throw Refused($"config.{name} contains a NUL character");
    }

    private static CrunException Refused(string reason) => CrunException.Integrity(reason, "image configuration");
}
