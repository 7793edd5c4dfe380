using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage.Tests;

/// <summary>A test that has a folder of its own, which is gone afterwards.</summary>
public abstract class TemporaryFolder
{
    protected string Folder { get; private set; } = "";

    [SetUp]
    public void MakeFolder() => Folder = Directory.CreateTempSubdirectory("crun-sharp-storage-").FullName;

    [TearDown]
    public void RemoveFolder() => FileAt.RemoveTree(null, Folder);

    protected Store OpenStore() => Store.Open(Folder + "/store");

    protected string MakeSubfolder(string name)
    {
        FileAt.MakeDirectory(null, $"{Folder}/{name}");
        return $"{Folder}/{name}";
    }
}
