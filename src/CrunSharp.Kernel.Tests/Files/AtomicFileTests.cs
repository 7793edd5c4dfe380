using CrunSharp.Kernel.Files;

namespace CrunSharp.Kernel.Tests.Files;

public class AtomicFileTests
{
    [Test]
    public void What_a_killed_process_left_is_swept_and_nothing_else()
    {
        var path = Directory.CreateTempSubdirectory("crun-sharp-atomic-").FullName;
        try
        {
            string[] kept = ["whole", ".hidden.tmp", $".file.{Environment.ProcessId:x}-1.tmp", ".file.zz-1.tmp"];
            foreach (var name in (string[])[.. kept, ".file.7fffffff-1.tmp", "..odd..7fffffff-a.tmp"]) File.WriteAllText($"{path}/{name}", "");
            using (var directory = FileAt.OpenDirectory(path)) AtomicFile.Sweep(directory);
            Assert.That(Directory.GetFiles(path).Select(Path.GetFileName), Is.EquivalentTo(kept));
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
