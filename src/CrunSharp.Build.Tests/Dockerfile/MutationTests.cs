using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Dockerfile;

/// <summary>The golden Dockerfiles with bytes changed, cut and repeated: they are read, or refused in one way.</summary>
public class MutationTests
{
    private static readonly byte[] Interesting = "\n\r\t \\`\"'$#{}[]<>-:=,/*?!%@\0\xff"u8.ToArray();

    [Test]
    public void A_mutated_Dockerfile_never_breaks_the_reader()
    {
        var seeds = Directory.GetFiles(TestContext.CurrentContext.TestDirectory, "Dockerfile", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes).Where(static bytes => bytes.Length is > 0 and < 5000).ToList();
        var random = new Random(20261122);
        for (var round = 0; round < 20_000; round++)
        {
            var text = Mutate(seeds[random.Next(seeds.Count)], random);
            try
            {
                var file = Parser.Parse(new DockerfileSource("Dockerfile", text));
                var expand = new WordExpander(file.Escape, static name => name.Length % 2 == 0 ? name : null);
                foreach (var instruction in file.Stages.SelectMany(static stage => stage.Instructions)) instruction.Expand(expand);
            }
            catch (CrunException error)
            {
                Assert.That(error.Kind, Is.EqualTo(ErrorKind.InvalidInput), Convert.ToBase64String(text));
            }
            catch (Exception error)
            {
                Assert.Fail($"{error.GetType()}: {error.Message}: {Convert.ToBase64String(text)}\n{error.StackTrace}");
            }
        }
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        var text = new List<byte>(seed);
        for (var changes = random.Next(1, 6); changes > 0 && text.Count > 0; changes--)
        {
            var at = random.Next(text.Count);
            switch (random.Next(4))
            {
                case 0: text[at] = Interesting[random.Next(Interesting.Length)]; break;
                case 1: text.Insert(at, Interesting[random.Next(Interesting.Length)]); break;
                case 2: text.RemoveRange(at, Math.Min(random.Next(1, 20), text.Count - at)); break;
                default: text.InsertRange(at, text.GetRange(random.Next(text.Count), 1)); break;
            }
        }
        return [.. text];
    }
}
