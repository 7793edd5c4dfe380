using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace CrunSharp.Architecture.Tests;

/// <summary>The public part of an assembly as text: a line for each type and member, in the order of their names.</summary>
internal static class ApiText
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(char)] = "char",
        [typeof(double)] = "double",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
    };

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(static type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Declaration(type)).Append('\n');
            foreach (var line in type.GetMembers(Declared).Where(IsPublic).Select(Line).Order(StringComparer.Ordinal))
                text.Append("    ").Append(line).Append('\n');
        }
        return text.ToString();
    }

    private static string Declaration(Type type)
    {
        var kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
            : type.BaseType == typeof(MulticastDelegate) ? "delegate"
            : type.IsAbstract && type.IsSealed ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";
        if (type.GetMethod("<Clone>$") is not null) kind = kind.Replace("class", "record", StringComparison.Ordinal);
        var bases = type.GetInterfaces().Except(type.BaseType?.GetInterfaces() ?? [])
            .Where(static i => i.IsPublic && !(i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEquatable<>))).ToList();
        if (type.BaseType is { } parent && parent != typeof(object) && !type.IsValueType && parent != typeof(MulticastDelegate)) bases.Insert(0, parent);
        if (type.IsEnum) bases = [Enum.GetUnderlyingType(type)];
        return $"{kind} {type.Namespace}.{Name(type)}" + (bases.Count == 0 ? "" : " : " + string.Join(", ", bases.Select(Name)));
    }

    private static bool IsPublic(MemberInfo member) => !member.Name.Contains('<', StringComparison.Ordinal)
        && member.GetCustomAttribute<CompilerGeneratedAttribute>() is null
        && member switch
        {
            MethodInfo method => IsVisible(method) && !method.IsSpecialName | method.Name.StartsWith("op_", StringComparison.Ordinal),
            ConstructorInfo constructor => IsVisible(constructor),
            FieldInfo field => (field.IsPublic || field.IsFamily) && !field.IsSpecialName,
            PropertyInfo property => IsVisible(property.GetMethod) || IsVisible(property.SetMethod),
            EventInfo e => IsVisible(e.AddMethod),
            _ => false, // nested types stand for themselves
        };

    private static bool IsVisible(MethodBase? method) => method is not null && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly);

    private static string Line(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true } field => $"const {Name(field.FieldType)} {field.Name} = {field.GetRawConstantValue()}",
        FieldInfo field => $"{Static(field.IsStatic)}{Name(field.FieldType)} {field.Name}",
        PropertyInfo property => $"{Static((property.GetMethod ?? property.SetMethod)!.IsStatic)}{Required(property)}{Name(property.PropertyType)} {property.Name}{Indexes(property)} {{{Accessors(property)} }}",
        ConstructorInfo constructor => $"{Name(constructor.DeclaringType!)}({Parameters(constructor)})",
        MethodInfo method => $"{Static(method.IsStatic)}{Name(method.ReturnType)} {method.Name}{Generics(method)}({Parameters(method)})",
        EventInfo e => $"event {Name(e.EventHandlerType!)} {e.Name}",
        _ => member.ToString()!,
    };

    private static string Static(bool isStatic) => isStatic ? "static " : "";

    private static string Required(PropertyInfo property) => property.GetCustomAttribute<RequiredMemberAttribute>() is null ? "" : "required ";

    private static string Indexes(PropertyInfo property) =>
        property.GetIndexParameters() is { Length: > 0 } indexes ? $"[{string.Join(", ", indexes.Select(Parameter))}]" : "";

    private static string Accessors(PropertyInfo property)
    {
        var setter = property.SetMethod;
        var isInit = setter?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;
        return (IsVisible(property.GetMethod) ? " get;" : "") + (IsVisible(setter) ? isInit ? " init;" : " set;" : "");
    }

    private static string Generics(MethodInfo method) =>
        method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        var by = parameter.IsOut ? "out " : parameter.ParameterType.IsByRef ? parameter.IsIn ? "in " : "ref " : "";
        return $"{by}{Name(parameter.ParameterType)} {parameter.Name}{(parameter.IsOptional ? " = " + (parameter.RawDefaultValue ?? "null") : "")}";
    }

    private static string Name(Type type)
    {
        if (type.IsByRef) return Name(type.GetElementType()!);
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        if (type.IsPointer) return Name(type.GetElementType()!) + "*";
        if (Nullable.GetUnderlyingType(type) is { } inner) return Name(inner) + "?";
        if (Keywords.TryGetValue(type, out var keyword)) return keyword;
        if (type.IsGenericParameter) return type.Name;
        var name = type.Name.Split('`')[0];
        if (type.IsGenericType) name += $"<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
        return type.DeclaringType is { } outer ? $"{Name(outer)}.{name}" : name;
    }
}
