using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Kernel.Tests.Libc;

/// <summary>Proves sizes, offsets and values against the C headers by compiling C.</summary>
public class AbiTests
{
    private static readonly Type[] Types = typeof(CHeaderAttribute).Assembly.GetTypes();

    private static IEnumerable<Type> Described => Types.Where(t => t.GetCustomAttribute<CHeaderAttribute>() is not null);

    [TestCaseSource(nameof(Described))]
    public void The_C_headers_say_the_same(Type type)
    {
        var header = type.GetCustomAttribute<CHeaderAttribute>()!;
        var source = new StringBuilder("#define _GNU_SOURCE\n#include <stddef.h>\n#include <sys/types.h>\n");
        source.AppendLine($"#include <{header.Header}>");
        if (type.IsEnum)
        {
            foreach (var name in Enum.GetNames(type).Where(n => n != "None"))
                Assert(source, $"(long long)({name}) == {Convert.ToInt64(Enum.Parse(type, name))}LL", name);
        }
        else if (type.IsValueType)
        {
            Assert(source, $"sizeof({header.Name}) == {SizeOf(type)}", header.Name!);
            foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Instance))
                Assert(source, $"offsetof({header.Name}, {field.Name}) == {Marshal.OffsetOf(type, field.Name)}", field.Name);
        }
        else
        {
            foreach (var constant in type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral))
            {
                var value = constant.GetRawConstantValue()!;
                Assert(source, $"({constant.Name}) == ({CTypeOf(value)}){value}ULL", constant.Name);
            }
        }
        NUnit.Framework.Assert.That(Compile(source.ToString()), Is.Empty);
    }

    [Test]
    public void Every_structure_names_its_header()
    {
        var nameless = Types.Where(t => t.Namespace == typeof(CHeaderAttribute).Namespace && t is { IsValueType: true, IsNested: false }
            && t.GetCustomAttribute<CHeaderAttribute>() is null);
        NUnit.Framework.Assert.That(nameless, Is.Empty);
    }

    private static void Assert(StringBuilder source, string condition, string what) =>
        source.AppendLine($"_Static_assert({condition}, \"{what}\");");

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static string CTypeOf(object value) => value switch
    {
        int or short or sbyte => "int",
        uint or ushort or byte => "unsigned int",
        long => "long long",
        _ => "unsigned long long",
    };

    private static string Compile(string source)
    {
        using var compiler = Process.Start(new ProcessStartInfo("gcc", "-xc -fsyntax-only -")
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        compiler.StandardInput.Write(source);
        compiler.StandardInput.Close();
        var errors = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        return errors;
    }
}
