using System.Globalization;
using System.Text;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>
/// Random Dockerfiles over random contexts with random edits: a build takes exactly those steps from the cache that a model of
/// the rules does, and what it makes is what a build without a cache makes.
/// </summary>
public sealed class BuildPropertyTests : BuildTest
{
    private const int Edits = 7;

    [Test]
    public void A_warm_build_makes_what_a_cold_one_makes_and_does_what_the_rules_say([Range(1, 8)] int seed)
    {
        var random = new Random(seed);
        var file = new RandomDockerfile(random, $"s{seed}x");
        var files = new RandomContext(random);
        var context = Context("FROM scratch\n");
        var model = new Model();
        for (var edit = 0; edit <= Edits; edit++)
        {
            files.Write(context);
            var text = file.ToString();
            World.File(Path.GetRelativePath(World.Files, $"{context}/Dockerfile"), text);
            var expected = model.Build(file, files);
            var build = Build(context, "--build-arg", $"A={file.Argument}").Succeeded();
            Assert.That(Done(build).Select(Marker).Order(), Is.EqualTo(expected.Order()), $"edit {edit} of\n{text}\n{files}\n{build.Err}");
            if (edit is 0 or Edits) AssertSameAsCold(context, file, $"edit {edit} of\n{text}");
            if (random.Next(3) == 0) file.Edit();
            else files.Edit(context, World);
        }
    }

    private void AssertSameAsCold(string context, RandomDockerfile file, string when)
    {
        const string all = "find /w | sort | while read f; do stat -c '%n %F %a %u:%g' \"$f\"; [ -d $f ] || case $f in /w/once*) ;; *) cat \"$f\"; esac; done; echo $E $A";
        var warm = InImage(all);
        Run("build", "-q", "--no-cache", "-t", "cold", "--build-arg", $"A={file.Argument}", context).Succeeded();
        Assert.That(InImage(all, "cold"), Is.EqualTo(warm), when);
    }

    // Each instruction has a number of its own in its text, as part of a path or a comment.
    private static string Marker(string step)
    {
        var at = step.LastIndexOf("_n", StringComparison.Ordinal);
        return at < 0 ? "root" : new string([.. step[(at + 2)..].TakeWhile(char.IsAsciiDigit)]);
    }

    private enum Kind { CopyFile, CopyDirectory, CopyGlob, CopyFrom, RunOnce, RunPure, RunBound, Environment, Directory }

    private sealed record Instruction(Kind Kind, int Number, string Value, int Other);

    private sealed class RandomDockerfile
    {
        /// <summary>Makes the layers of each seed its own.</summary>
        public static readonly Instruction First = new(Kind.Directory, 0, "", 0);

        private readonly Random _random;
        private readonly string _prefix;
        private int _number;

        public RandomDockerfile(Random random, string prefix)
        {
            (_random, _prefix) = (random, prefix);
            for (var stage = 0; stage < 1 + random.Next(3); stage++)
            {
                Bases.Add(stage > 0 && random.Next(3) == 0 ? random.Next(stage) : -1);
                Stages.Add([]);
                for (var i = 0; i < 2 + random.Next(4); i++) Stages[stage].Add(New(stage));
            }
        }

        public List<List<Instruction>> Stages { get; } = [];

        /// <summary>The stage that each one starts from; -1 for the image.</summary>
        public List<int> Bases { get; } = [];

        public string Argument { get; private set; } = "1";

        public void Edit()
        {
            var stage = _random.Next(Stages.Count);
            var list = Stages[stage];
            switch (_random.Next(4))
            {
                case 0: Argument = _random.Next(2).ToString(CultureInfo.InvariantCulture); break;
                case 1: list.Insert(_random.Next(list.Count + 1), New(stage)); break;
                case 2 when list.Count > 1: list.RemoveAt(_random.Next(list.Count)); break;
                default:
                    var at = _random.Next(list.Count);
                    list[at] = list[at] with { Value = Value(list[at].Kind) };
                    break;
            }
        }

        public string TextOf(Instruction i)
        {
            var to = $"/w/{_prefix}_n{i.Number}";
            return i.Kind switch
            {
                Kind.CopyFile => $"COPY {i.Value} {to}",
                Kind.CopyDirectory => $"COPY {i.Value} {to}/",
                Kind.CopyGlob => $"COPY {i.Value}/f* {to}/",
                Kind.CopyFrom => $"COPY --from=stage{i.Other} /w/shared {to}",
                Kind.RunOnce => $"RUN cat /proc/sys/kernel/random/uuid > /w/once && echo $E > /w/shared # {_prefix}_n{i.Number}",
                Kind.RunPure => $"RUN echo $E | tr 01 xx > /w/shared && touch -d @1 /w/shared /w # {_prefix}_n{i.Number}",
                Kind.RunBound => $"RUN --mount=type=bind,source={i.Value},target=/m cat /m/* > /w/shared && cat /proc/sys/kernel/random/uuid > /w/once # {_prefix}_n{i.Number}",
                Kind.Environment => $"ENV E={i.Value}",
                _ => $"WORKDIR {to}",
            };
        }

        public override string ToString()
        {
            var text = new StringBuilder();
            for (var stage = 0; stage < Stages.Count; stage++)
            {
                text.Append(CultureInfo.InvariantCulture, $"FROM {(Bases[stage] < 0 ? "busybox" : $"stage{Bases[stage]}")} AS stage{stage}\nARG A=default\n");
                if (Bases[stage] < 0) text.Append(TextOf(First)).Append("\nCOPY root /w/shared\n");
                foreach (var instruction in Stages[stage]) text.Append(TextOf(instruction)).Append('\n');
            }
            return text.ToString();
        }

        private Instruction New(int stage)
        {
            var kind = (Kind)_random.Next(9);
            if (kind == Kind.CopyFrom && stage == 0) kind = Kind.RunPure;
            return new Instruction(kind, ++_number, Value(kind), stage == 0 ? 0 : _random.Next(stage));
        }

        private string Value(Kind kind) => kind switch
        {
            Kind.CopyFile => _random.Next(2) == 0 ? "root" : "a/f1",
            Kind.CopyDirectory or Kind.CopyGlob or Kind.RunBound => _random.Next(2) == 0 ? "a" : "b",
            Kind.Environment => _random.Next(2).ToString(CultureInfo.InvariantCulture),
            _ => "",
        };
    }

    private sealed class RandomContext(Random random)
    {
        private static readonly string[] Names = ["root", "a/f1", "a/f2", "a/g", "b/f1", "b/g", "a/x.log", "unused"];
        private readonly SortedDictionary<string, (int Content, int Mode)> _files = new(Names.ToDictionary(static name => name, _ => (random.Next(3), 0x1a4)), StringComparer.Ordinal);

        public void Write(string context)
        {
            Directory.CreateDirectory(context + "/a");
            Directory.CreateDirectory(context + "/b");
            File.WriteAllText(context + "/.dockerignore", "**/*.log\n");
            foreach (var name in Names)
            {
                var path = $"{context}/{name}";
                if (!_files.TryGetValue(name, out var file))
                {
                    File.Delete(path);
                    continue;
                }
                var content = $"{name} {file.Content}\n";
                if (!File.Exists(path) || File.ReadAllText(path) != content) File.WriteAllText(path, content);
                File.SetUnixFileMode(path, (UnixFileMode)file.Mode);
            }
        }

        public void Edit(string context, World world)
        {
            var name = Names[random.Next(Names.Length)];
            switch (random.Next(6))
            {
                case 0:
                    world.Shell($"find {context} -exec touch {{}} +").Succeeded();
                    break;
                case 1 when _files.TryGetValue(name, out var file):
                    _files[name] = file with { Mode = file.Mode == 0x1a4 ? 0x180 : 0x1a4 };
                    break;
                case 2 when name is "a/f2" or "b/g" or "a/g" && _files.ContainsKey(name):
                    _files.Remove(name);
                    break;
                default:
                    _files[name] = (random.Next(3), _files.TryGetValue(name, out var old) ? old.Mode : 0x1a4);
                    break;
            }
        }

        /// <summary>What belongs to the key of a copy: names, modes and contents.</summary>
        public string Input(Kind kind, string source) => string.Join(';', _files
            .Where(file => kind == Kind.CopyFile ? file.Key == source : file.Key.StartsWith(source + (kind == Kind.CopyGlob ? "/f" : "/"), StringComparison.Ordinal))
            .Where(static file => !file.Key.EndsWith(".log", StringComparison.Ordinal))
            .Select(static file => $"{file.Key}={file.Value.Content},{file.Value.Mode}"));

        /// <summary>What <c>cat</c> prints of a directory.</summary>
        public string Text(string directory) => string.Concat(_files
            .Where(file => file.Key.StartsWith(directory + "/", StringComparison.Ordinal) && !file.Key.EndsWith(".log", StringComparison.Ordinal))
            .Select(static file => $"{file.Key} {file.Value.Content}\n"));

        public string Root => $"root {_files["root"].Content}\n";

        public override string ToString() => string.Join(' ', _files.Select(static file => $"{file.Key}={file.Value.Content},{Convert.ToString(file.Value.Mode, 8)}"));
    }

    /// <summary>The rules: a step's key is its parent's layers, its text, its inputs, and for RUN the environment.</summary>
    private sealed class Model
    {
        private readonly Dictionary<string, string> _layers = [];
        private int _made;

        private sealed record State(string Chain, string Environment, string Directory, string Shared, string SharedMode);

        public IReadOnlyCollection<string> Build(RandomDockerfile file, RandomContext files)
        {
            var done = new List<string>();
            var states = new Dictionary<int, State>();
            Of(file.Stages.Count - 1);
            return done;

            State Of(int stage)
            {
                if (states.TryGetValue(stage, out var known)) return known;
                var state = file.Bases[stage] < 0 ? Begin() : Of(file.Bases[stage]);
                foreach (var instruction in file.Stages[stage]) state = After(state, instruction);
                return states[stage] = state;
            }

            State Begin()
            {
                var root = files.Input(Kind.CopyFile, "root");
                var state = After(new State("busybox", "", "/", files.Root, root.Split(',')[1]), RandomDockerfile.First);
                return Step(state, "root", $"COPY {root}", null);
            }

            State After(State state, Instruction i)
            {
                var text = file.TextOf(i);
                var number = i.Number.ToString(CultureInfo.InvariantCulture);
                var run = $"{text} E={state.Environment} A={file.Argument} in {state.Directory}";
                switch (i.Kind)
                {
                    case Kind.Environment: return state with { Environment = i.Value };
                    case Kind.CopyFile or Kind.CopyDirectory or Kind.CopyGlob: return Step(state, number, text + files.Input(i.Kind, i.Value), null);
                    case Kind.CopyFrom:
                        var from = Of(i.Other);
                        return Step(state, number, $"{text} {from.Shared} {from.SharedMode}", null);
                    case Kind.RunOnce: return Step(state, number, run, null) with { Shared = state.Environment + "\n" };
                    case Kind.RunPure:
                        var written = state.Environment.Length > 0 ? "x" : "";
                        return Step(state, number, run, $"pure {written} {state.SharedMode}") with { Shared = written + "\n" };
                    case Kind.RunBound: return Step(state, number, run + files.Input(Kind.RunBound, i.Value), null) with { Shared = files.Text(i.Value) };
                    default: return Step(state, number, text, null) with { Directory = text };
                }
            }

            // A step that is done makes a layer that there was not yet, unless its content is known.
            State Step(State state, string number, string key, string? content)
            {
                var full = $"{state.Chain}|{key}";
                if (!_layers.TryGetValue(full, out var layer))
                {
                    done.Add(number);
                    _layers[full] = layer = $"{state.Chain}+{content ?? $"#{++_made}"}";
                }
                return state with { Chain = layer };
            }
        }
    }
}
