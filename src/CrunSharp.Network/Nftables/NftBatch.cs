using System.Buffers.Binary;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using static CrunSharp.Kernel.Libc.NFT;
using static CrunSharp.Kernel.Libc.NFTA;
using static CrunSharp.Kernel.Libc.NLM;

namespace CrunSharp.Network.Nftables;

/// <summary>Changes of nf_tables that happen together or not at all.</summary>
/// <param name="family">The family of the tables, NFPROTO_INET or NFPROTO_IPV4.</param>
/// <param name="table">The table's name.</param>
internal sealed class NftBatch(int family, string table)
{
    private const ushort BatchBegin = NLMSG_MIN_TYPE;
    private const ushort BatchEnd = NLMSG_MIN_TYPE + 1;

    private readonly NetlinkWriter _writer = Header(new NetlinkWriter(), BatchBegin, 0, "change nftables", NF_UNSPEC, NFNL.NFNL_SUBSYS_NFTABLES);
    private uint _sets;

    private const int NF_UNSPEC = 0;

    /// <summary>Begins one change: <c>struct nfgenmsg</c> follows the header.</summary>
    /// <param name="message">NFT_MSG_….</param>
    /// <param name="flags">NLM_F_…; an acknowledgement is asked for.</param>
    /// <param name="operation">What it does, for error messages.</param>
    public NetlinkWriter Change(int message, int flags, string operation) =>
        Header(_writer, TypeOf(message), flags | NLM_F_ACK, operation, family, 0);

    /// <summary>A question outside of any batch.</summary>
    public static NetlinkWriter Question(int message, int flags, string operation, int family) =>
        Header(new NetlinkWriter(), TypeOf(message), flags, operation, family, 0);

    /// <summary>Adds a table with a comment.</summary>
    public void AddTable(string comment)
    {
        Span<byte> userData = stackalloc byte[128];
        Change(NFT_MSG_NEWTABLE, NLM_F_CREATE, $"add table {table}").AttributeText(NFTA_TABLE_NAME, table)
            .Attribute(NFTA_TABLE_USERDATA, userData[..Comment(comment, userData)]);
    }

    /// <summary>Removes the table with all that is in it.</summary>
    public void DeleteTable() => Change(NFT_MSG_DELTABLE, 0, $"delete table {table}").AttributeText(NFTA_TABLE_NAME, table);

    /// <summary>Adds a chain that other chains jump to.</summary>
    public void AddChain(string name) =>
        Change(NFT_MSG_NEWCHAIN, NLM_F_CREATE, $"add chain {name}").AttributeText(NFTA_CHAIN_TABLE, table).AttributeText(NFTA_CHAIN_NAME, name);

    /// <summary>Adds a chain that packets pass at a hook; what no rule decides is accepted.</summary>
    public void AddChain(string name, string type, int hook, int priority)
    {
        AddChain(name);
        _writer.AttributeText(NFTA_CHAIN_TYPE, type).AttributeBigEndian(NFTA_CHAIN_POLICY, NF.NF_ACCEPT);
        var nest = _writer.BeginNested(NFTA_CHAIN_HOOK);
        _writer.AttributeBigEndian(NFTA_HOOK_HOOKNUM, (uint)hook).AttributeBigEndian(NFTA_HOOK_PRIORITY, (uint)priority).End(nest);
    }

    /// <summary>Adds a set or a map.</summary>
    public void AddSet(NftSet set)
    {
        Change(NFT_MSG_NEWSET, NLM_F_CREATE, $"add set {set.Name}").AttributeText(NFTA_SET_TABLE, table).AttributeText(NFTA_SET_NAME, set.Name)
            .AttributeBigEndian(NFTA_SET_FLAGS, (uint)set.Flags)
            .AttributeBigEndian(NFTA_SET_KEY_TYPE, set.Key.Id).AttributeBigEndian(NFTA_SET_KEY_LEN, (uint)set.Key.Length);
        if (set.Data is { } data)
            _writer.AttributeBigEndian(NFTA_SET_DATA_TYPE, data.Id).AttributeBigEndian(NFTA_SET_DATA_LEN, (uint)data.Length);
        _writer.AttributeBigEndian(NFTA_SET_ID, ++_sets);
        if ((set.Flags & NFT_SET_CONCAT) != 0)
        {
            var description = _writer.BeginNested(NFTA_SET_DESC);
            var fields = _writer.BeginNested(NFTA_SET_DESC_CONCAT);
            foreach (var field in set.Key.Fields)
            {
                var element = _writer.BeginNested(NFTA_LIST_ELEM);
                _writer.AttributeBigEndian(NFTA_SET_FIELD_LEN, (uint)field.Length).End(element);
            }
            _writer.End(fields).End(description);
        }
        // Tells `nft list` that the key is text in the host's byte order.
        if (set.Key.Fields is [{ Id: NftType.InterfaceName }]) _writer.Attribute(NFTA_SET_USERDATA, [0, 4, 1, 0, 0, 0]);
    }

    /// <summary>Begins a rule at the end of a chain; its expressions follow, then <see cref="NftRule.End()"/>.</summary>
    public NftRule AddRule(string chain, int flags = NLM_F_APPEND)
    {
        Change(NFT_MSG_NEWRULE, NLM_F_CREATE | flags, $"add rule to chain {chain}").AttributeText(NFTA_RULE_TABLE, table).AttributeText(NFTA_RULE_CHAIN, chain);
        return new NftRule(_writer, _writer.BeginNested(NFTA_RULE_EXPRESSIONS));
    }

    /// <summary>Adds elements; one that is there with the same data stays, one with other data is EBUSY.</summary>
    public void AddElements(string set, params ReadOnlySpan<NftElement> elements) =>
        Elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, $"add elements to {set}", set, elements);

    /// <summary>Removes elements; one that is missing is ENOENT.</summary>
    public void DeleteElements(string set, params ReadOnlySpan<NftElement> elements) =>
        Elements(NFT_MSG_DELSETELEM, 0, $"delete elements of {set}", set, elements);

    /// <summary>Makes the changes.</summary>
    /// <returns>What the kernel refused; then nothing was changed.</returns>
    public IReadOnlyList<NetlinkError> TryExecute(NetlinkSocket netfilter)
    {
        Header(_writer, BatchEnd, 0, "change nftables", NF_UNSPEC, NFNL.NFNL_SUBSYS_NFTABLES);
        return netfilter.TryExecute(_writer);
    }

    /// <summary>Makes the changes.</summary>
    /// <exception cref="CrunException">The kernel refused one; then nothing was changed.</exception>
    public void Execute(NetlinkSocket netfilter)
    {
        if (TryExecute(netfilter) is [var error, ..]) throw error.ToException();
    }

    /// <summary>Asks for an element.</summary>
    /// <returns>Its data; null when it is missing.</returns>
    public static byte[]? TryGetElement(NetlinkSocket netfilter, int family, string table, string set, byte[] key)
    {
        var question = Question(NFT_MSG_GETSETELEM, 0, $"look at {set}", family)
            .AttributeText(NFTA_SET_ELEM_LIST_TABLE, table).AttributeText(NFTA_SET_ELEM_LIST_SET, set);
        Element(question, NFTA_SET_ELEM_LIST_ELEMENTS, new NftElement(key));
        if (netfilter.TryGet(question, out _) is not { } answer) return null;
        foreach (var element in NetlinkAttributes.After(answer, 4).FindNested(NFTA_SET_ELEM_LIST_ELEMENTS))
            if (element.Nested.FindNested(NFTA_SET_ELEM_DATA).TryFind(NFTA_DATA_VALUE, out var data)) return data.ToArray();
        return null;
    }

    /// <summary>A comment as the nft tool writes it: type 0, length, text, NUL.</summary>
    public static int Comment(string comment, Span<byte> userData)
    {
        var length = System.Text.Encoding.UTF8.GetBytes(comment, userData[2..]);
        userData[0] = 0;
        userData[1] = (byte)(length + 1);
        userData[length + 2] = 0;
        return length + 3;
    }

    private void Elements(int message, int flags, string operation, string set, ReadOnlySpan<NftElement> elements)
    {
        const int most = 500; // an attribute has at most 64 KiB, and an element of ours at most 100 bytes
        for (; elements.Length > 0; elements = elements[Math.Min(most, elements.Length)..])
        {
            Change(message, flags, operation).AttributeText(NFTA_SET_ELEM_LIST_TABLE, table).AttributeText(NFTA_SET_ELEM_LIST_SET, set);
            Element(_writer, NFTA_SET_ELEM_LIST_ELEMENTS, elements[..Math.Min(most, elements.Length)]);
        }
    }

    private static void Element(NetlinkWriter writer, ushort list, params ReadOnlySpan<NftElement> elements)
    {
        var all = writer.BeginNested(list);
        foreach (var element in elements)
        {
            var one = writer.BeginNested(NFTA_LIST_ELEM);
            Value(writer, NFTA_SET_ELEM_KEY, element.Key);
            if (element.KeyEnd is { } end) Value(writer, NFTA_SET_ELEM_KEY_END, end);
            if (element.Data is { } data) Value(writer, NFTA_SET_ELEM_DATA, data);
            writer.End(one);
        }
        writer.End(all);
    }

    private static void Value(NetlinkWriter writer, ushort type, ReadOnlySpan<byte> value)
    {
        var nest = writer.BeginNested(type);
        writer.Attribute(NFTA_DATA_VALUE, value).End(nest);
    }

    private static ushort TypeOf(int message) => (ushort)((NFNL.NFNL_SUBSYS_NFTABLES << 8) | message);

    // struct nfgenmsg: family, version, resource in network byte order
    private static NetlinkWriter Header(NetlinkWriter writer, ushort type, int flags, string operation, int family, ushort resource) =>
        writer.Begin(type, (ushort)flags, operation).Byte((byte)family).Byte((byte)NFNL.NFNETLINK_V0)
            .UInt16(BinaryPrimitives.ReverseEndianness(resource));
}
