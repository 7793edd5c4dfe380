using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>Writes limits: all of them, or (where they can be undone) none.</summary>
internal sealed class SettingChanges(bool canUndo) : IDisposable
{
    private readonly List<(SafeFileHandle Directory, string File, string Value)> _before = [];

    /// <summary>Writes the files of one cgroup.</summary>
    /// <param name="directory">The cgroup; must stay open until this is disposed.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="settings">The values.</param>
    /// <exception cref="CrunException">The kernel refuses one, or has no such file.</exception>
    public void Write(SafeFileHandle directory, string name, IReadOnlyList<CgroupSetting> settings)
    {
        List<CgroupSetting>? waiting = null;
        foreach (var setting in settings)
        {
            var errno = TryWrite(directory, setting, out var call);
            if (errno == Errno.EINVAL && setting.MayWait) (waiting ??= []).Add(setting);
            else Require(directory, name, setting, errno, call);
        }
        foreach (var setting in waiting ?? []) Require(directory, name, setting, TryWrite(directory, setting, out var call), call);
    }

    /// <summary>All is well: nothing is undone any more.</summary>
    public void Keep() => _before.Clear();

    /// <summary>Undoes what was written, the last first, unless it was kept.</summary>
    public void Dispose()
    {
        // Twice, for those that wait for others.
        for (var round = 0; round < 2; round++)
        {
            for (var i = _before.Count - 1; i >= 0; i--) KernelFile.TryWrite(_before[i].Directory, _before[i].File, _before[i].Value);
        }
        _before.Clear();
    }

    private Errno TryWrite(SafeFileHandle directory, CgroupSetting setting, out string call)
    {
        var errno = TryWrite(directory, setting, setting.File, setting.Value, out call);
        return errno == Errno.ENOENT && setting.Fallback is { } other
            ? TryWrite(directory, setting, other, setting.FallbackValue ?? setting.Value, out call)
            : errno;
    }

    private Errno TryWrite(SafeFileHandle directory, CgroupSetting setting, string file, string value, out string call)
    {
        call = $"write({file}, \"{value}\")";
        if (canUndo && Before(directory, setting, file) is { } before) _before.Add((directory, file, before));
        return KernelFile.TryWrite(directory, file, value);
    }

    private static string? Before(SafeFileHandle directory, CgroupSetting setting, string file)
    {
        string? text;
        try
        {
            text = KernelFile.TryRead(directory, file);
        }
        catch (CrunException)
        {
            return null; // not for reading
        }
        // "oom_kill_disable 0" and "default 100", with further lines.
        if (file == "memory.oom_control" || text?.StartsWith("default ", StringComparison.Ordinal) == true && setting.Unset is null)
            return text?.Split('\n')[0].Split(' ')[^1];
        if (text is null || setting.Unset is not { } unset) return text?.TrimEnd('\n');
        var key = unset.AsSpan(0, unset.IndexOf(' ', StringComparison.Ordinal) + 1);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(key)) return line.ToString();
        }
        return unset;
    }

    private static void Require(SafeFileHandle directory, string name, CgroupSetting setting, Errno errno, string call)
    {
        if (errno == Errno.ENOENT && setting.IsOptional) return;
        if (errno == Errno.ENOENT)
            throw CrunException.Unsupported($"{setting.Resource} cannot be enforced: this kernel has no {setting.Fallback ?? setting.File} ({FileAt.PathOf(directory)})");
        if (errno != Errno.None) throw new CrunException(ErrorKind.System, "", $"set {setting.Resource} of cgroup {name}", errno, call);
        if (!setting.IsVerified) return;
        var kept = KernelFile.TryRead(directory, setting.File)?.TrimEnd();
        if (!IsSame(kept, setting))
            throw CrunException.Unsupported($"{setting.Resource} of {setting.Value} cannot be enforced: the kernel makes it {kept} ({FileAt.PathOf(directory)}/{setting.File})");
    }

    // Memory is counted in pages.
    private static bool IsSame(string? kept, CgroupSetting setting) =>
        kept == setting.Value || (setting.Controller == "memory" && long.TryParse(kept, out var one) && long.TryParse(setting.Value, out var other)
            && one <= other && other - one < Environment.SystemPageSize);
}
