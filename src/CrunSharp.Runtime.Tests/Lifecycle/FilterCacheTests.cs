using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Defaults;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public sealed class FilterCacheTests
{
    private static readonly SeccompSpec s_profile = DefaultSeccomp.For(DefaultCapabilities.Set);

    private string _root = "";

    private string Filters => $"{_root}/~filters";

    [SetUp]
    public void MakeRoot() => _root = Directory.CreateTempSubdirectory("filters").FullName;

    [TearDown]
    public void RemoveRoot() => Directory.Delete(_root, recursive: true);

    [Test]
    public void A_filter_that_was_compiled_before_is_found_by_its_key()
    {
        var made = new FilterCache(_root).Get(s_profile, out var key);
        var found = new FilterCache(_root).TryGet(key);
        Assert.That(found!.Program.ToArray(), Is.EqualTo(made.Program.ToArray()));
        Assert.That(found.Flags, Is.EqualTo(made.Flags));
        Assert.That(made.Program.ToArray(), Is.EqualTo(FilterCompiler.Compile(s_profile).Program.ToArray()));
    }

    [Test]
    public void Another_profile_has_another_key()
    {
        var cache = new FilterCache(_root);
        cache.Get(s_profile, out var first);
        cache.Get(s_profile with { DefaultErrnoRet = 13 }, out var second);
        cache.Get(s_profile with { ListenerMetadata = "x" }, out var sameCalls);
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(sameCalls, Is.EqualTo(first));
    }

    [Test]
    public void What_is_not_as_it_was_written_is_compiled_again([Values(0, 10, 64, 70, 1000)] int at)
    {
        var cache = new FilterCache(_root);
        var made = cache.Get(s_profile, out var key);
        var content = File.ReadAllBytes($"{Filters}/{key}");
        content[at] ^= 1;
        File.WriteAllBytes($"{Filters}/{key}", content);
        Assert.That(cache.TryGet(key), Is.Null);
        Assert.That(cache.Get(s_profile, out _).Program.ToArray(), Is.EqualTo(made.Program.ToArray()));
        Assert.That(cache.TryGet(key), Is.Not.Null);
    }

    [Test]
    public void A_torn_file_is_compiled_again([Values(0, 67, 68, 100)] int length)
    {
        var cache = new FilterCache(_root);
        cache.Get(s_profile, out var key);
        File.WriteAllBytes($"{Filters}/{key}", File.ReadAllBytes($"{Filters}/{key}")[..length]);
        Assert.That(cache.TryGet(key), Is.Null);
    }

    [Test]
    public void A_directory_that_others_can_enter_does_not_count()
    {
        var cache = new FilterCache(_root);
        cache.Get(s_profile, out var key);
        File.SetUnixFileMode(Filters, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute);
        Assert.That(cache.TryGet(key), Is.Null);
        Assert.That(cache.Get(s_profile, out _).Program.Length, Is.GreaterThan(0));
    }

    [Test]
    public void A_link_to_another_directory_does_not_count()
    {
        var elsewhere = Directory.CreateDirectory($"{_root}/elsewhere", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(Filters, elsewhere.FullName);
        var cache = new FilterCache(_root);
        cache.Get(s_profile, out var key);
        Assert.That(cache.TryGet(key), Is.Null);
        Assert.That(Directory.GetFileSystemEntries(elsewhere.FullName), Is.Empty);
    }

    [Test]
    public void It_does_not_grow_without_end()
    {
        var cache = new FilterCache(_root);
        for (var errno = 1u; errno <= 100; errno++) cache.Get(s_profile with { DefaultErrnoRet = errno }, out _);
        Assert.That(Directory.GetFiles(Filters), Has.Length.LessThanOrEqualTo(64));
    }

    [Test]
    public void It_is_no_container()
    {
        new FilterCache(_root).Get(s_profile, out _);
        Assert.That(new RuntimeStore(_root).List(), Is.Empty);
    }
}
